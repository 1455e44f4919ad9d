# SPDX-License-Identifier: Apache-2.0
# Completion of koken(1) for bash: source it, or install it as /usr/share/bash-completion/completions/koken.
_koken() {
  local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
  COMPREPLY=()
  case $previous in
  --json | --markdown | --peers | -j | -m | -p)
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
    return
    ;;
  esac
  if [ "$COMP_CWORD" -eq 1 ]; then
    mapfile -t COMPREPLY < <(compgen -W 'bench doctor lint run sim stress teg why --help --version' -- "$word")
  elif [ "${COMP_WORDS[1]}" = bench ] && [[ $word == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(koken bench --help | grep -oE -- '--[a-z-]+')" -- "$word")
  elif [[ ${COMP_WORDS[1]} == sim || ${COMP_WORDS[1]} == stress ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(koken "${COMP_WORDS[1]}" --help | grep -oE -- '--[a-z-]+')" -- "$word")
  elif [ "${COMP_WORDS[1]}" = teg ] && [[ $word == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(koken teg --help | grep -oE -- '--[a-z-]+')" -- "$word")
  elif [ "${COMP_WORDS[1]}" = teg ]; then
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
  elif [ "${COMP_WORDS[1]}" = run ]; then
    mapfile -t COMPREPLY < <(compgen -f -W "$(koken run --help | grep -oE -- '--[a-z-]+')" -- "$word")
  elif [ "${COMP_WORDS[1]}" = lint ] && [[ $word == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W '-p -j --deep --sarif --partial' -- "$word")
  elif [ "${COMP_WORDS[1]}" = lint ]; then
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
  elif [ "${COMP_WORDS[1]}" = bench ]; then
    mapfile -t COMPREPLY < <(compgen -f -W "all $(koken bench --list | cut -d' ' -f1)" -- "$word")
  fi
}
complete -F _koken koken
