#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The reference, made from the public headers: manual pages and a site.

    reference.py man DIR [--version V]    DIR/man3/koken-<topic>.3, and a name for each thing it describes
    reference.py site DIR [--version V]   DIR/index.html, a page for each header, each document, and a search

A header is read as people read it: the comment on top is the introduction; a comment followed by declarations
describes them; names that end in `_` are nobody's business. Nothing is written twice: to change a page, change
the header. The site needs python3-markdown for the documents, the manual pages need nothing.
"""
import argparse
import html
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
MODULES = ["base", "caps", "mailbox", "sched", "actors", "orchestration", "executors"]
DOCUMENTS = ["README.md", "docs/*.md", "ARCHITECTURE.md", "CAVEATS.md", "CHANGELOG.md", "HACKING.md",
             "bench/RESULTS.md", "*/DESIGN.md"]
LABELS = r"(Errors|Thread|Threads|Cost|Order|Ownership|Memory|Ends|Idea|After|Arguments|Unit|Units)"
NOISE = re.compile(r"\b(KOKEN_API|KOKEN_MUST_USE|KOKEN_WEAK_|extern|__extension__)\s+")


class Entry:
    """One comment and the declarations under it."""

    def __init__(self, text, code):
        self.text = text
        self.names = []
        self.shown = []
        for piece in split_declarations(code):
            names, shown = read_declaration(piece)
            self.names += names
            if names:
                self.shown.append(shown)


class Header:
    def __init__(self, path):
        self.path = path
        self.topic = path.stem
        self.include = "koken.h" if path.name == "koken.h" else f"koken/{path.name}"
        self.intro, self.entries = parse(path.read_text())
        words = " ".join(self.intro.split("\n\n")[0].split())
        self.title = re.split(r"\.(?: |$)", words)[0] if words else self.topic

    def names(self):
        return list(dict.fromkeys(n for entry in self.entries for n in entry.names))


def comment_text(lines):
    """The words of a block comment, without its stars."""
    out = []
    for line in lines:
        line = re.sub(r"^\s*/\*+ ?", "", line)
        line = re.sub(r"\s*\*/\s*$", "", line)
        line = re.sub(r"^\s*\* ?", "", line)
        out.append(line.rstrip())
    while out and not out[0].strip():
        out.pop(0)
    while out and not out[-1].strip():
        out.pop()
    return "\n".join(out)


def parse(source):
    """Splits a header into its introduction and its entries."""
    lines = source.split("\n")
    intro, entries, i = "", [], 0
    while i < len(lines):
        if not lines[i].lstrip().startswith("/*") or lines[i].startswith(" "):
            i += 1
            continue
        start = i
        while "*/" not in lines[i]:
            i += 1
        i += 1
        text = comment_text(lines[start:i])
        code, depth = [], 0
        while i < len(lines) and (lines[i].strip() or depth > 0) and not lines[i].startswith("/*"):
            code.append(lines[i])
            depth += lines[i].count("{") - lines[i].count("}")
            i += 1
        if text.startswith("SPDX"):
            if i < len(lines) and lines[i].startswith("/*"):
                start = i
                while "*/" not in lines[i]:
                    i += 1
                i += 1
                intro = comment_text(lines[start:i])
            continue
        entry = Entry(text, code)
        if entry.names or not code:
            entries.append(entry)
    return intro, entries


def split_declarations(code):
    """Declarations are macros with their continuations, or text up to a ; outside of brackets."""
    piece, depth, in_macro = [], 0, False
    for line in code:
        if not piece and not line.strip():
            continue
        piece.append(line)
        if line.startswith("#") or in_macro:
            in_macro = line.endswith("\\")
            if not in_macro:
                yield "\n".join(piece)
                piece = []
            continue
        depth += line.count("{") - line.count("}") + line.count("(") - line.count(")")
        if depth == 0 and re.search(r"[;}]\s*(/\*.*\*/)?\s*$", line):
            yield "\n".join(piece)
            piece = []
    if piece:
        yield "\n".join(piece)


def is_public(name):
    return re.match(r"(?i)koken", name) and not name.endswith("_")


def read_declaration(piece):
    """The public names that a declaration makes, and how it is shown."""
    macro = re.match(r"#\s*define\s+(\w+)(\([^)]*\))?(.*)", piece, re.S)
    if macro:
        name, args, body = macro.groups()
        body = "" if args else " " + " ".join(body.replace("\\\n", " ").split())
        return ([name] if is_public(name) else []), f"{name}{args or ''}{body if len(body) < 60 else ''}"
    if piece.startswith("#"):
        return [], ""
    shown = NOISE.sub("", piece).strip()
    body = re.match(r"(?:typedef\s+)?(struct|enum|union)\s+(?:KOKEN_\w+\s+)?(\w+)[^;(]*\{", shown)
    if body:
        names = [body.group(2)] + (re.findall(r"\b(KOKEN_\w+)\b", shown) if body.group(1) == "enum" else [])
        last = re.search(r"\}\s*(\w+)\s*;", shown)
        names += [last.group(1)] if last else []
        return [n for n in names if is_public(n)], shown
    message = re.match(r"KOKEN_(?:MESSAGE|MESSAGE_TRUSTED|EVENT|LETTER|PAYLOAD)\(\s*(\w+)", shown)
    if message:
        return [message.group(1)], shown
    opaque = re.match(r"(?:typedef\s+)?struct\s+(\w+)(?:\s+(\w+))?;", shown)
    if opaque:
        return [n for n in opaque.groups() if n and is_public(n)], shown
    names = [n for n in re.findall(r"\b(koken_\w+)\s*\(", shown)[:1] if is_public(n)]
    return names, re.sub(r"\n\s+", " ", shown) if names else ""


def blocks(text):
    """Cuts a comment into ('p', words) and ('pre', lines)."""
    kind, rows = None, []

    def flush():
        nonlocal rows
        if rows:
            yield (kind, "\n".join(rows) if kind == "pre" else " ".join(r.strip() for r in rows))
        rows = []

    for line in text.split("\n"):
        if not line.strip():
            if kind == "pre":
                rows.append("")
            else:
                yield from flush()
            continue
        is_literal = line.startswith("    ") or (kind == "pre" and line.startswith(" "))
        starts = not is_literal and (line.startswith("  ") or re.match(LABELS + ":", line))
        if (kind == "pre") != is_literal or starts:
            while kind == "pre" and rows and not rows[-1]:
                rows.pop()
            yield from flush()
        kind = "pre" if is_literal else "p"
        rows.append(line)
    while rows and not rows[-1]:
        rows.pop()
    yield from flush()


# ---- manual pages ---------------------------------------------------------------------------------------

def roff(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join(("\\&" + l) if l.startswith((".", "'")) else l for l in text.split("\n"))


def roff_words(text):
    text = re.sub(r"\b((?:koken|KOKEN)_\w+)", "\x01B\\1\x01R", roff(text).replace("\\-", "-"))
    text = re.sub(r"(^|\. )" + LABELS + ":", "\\1\x01I\\2\x01R:", text)
    return text.replace("-", "\\-").replace("\x01", "\\f")


def roff_blocks(text):
    out = []
    for kind, words in blocks(text):
        out.append(f".PP\n.RS 4\n.nf\n{roff(words)}\n.fi\n.RE" if kind == "pre" else f".PP\n{roff_words(words)}")
    return "\n".join(out)


def man_page(header, headers, version):
    names = header.names()
    summary = header.title
    first = ", ".join(dict.fromkeys([f"koken-{header.topic}"] + names))
    out = [f'.\\" Made from {header.include}; change that.',
           f'.TH KOKEN\\-{header.topic.upper()} 3 "" "koken {version}" "koken"', ".nh", ".SH NAME",
           f"{roff(first)} \\- {roff(summary)}", ".SH SYNOPSIS", ".nf", f".B #include <{header.include}>",
           ".fi", ".SH DESCRIPTION", roff_blocks(header.intro)]
    for entry in header.entries:
        if entry.shown:
            out += [".SH " + roff(", ".join(entry.names[:3]) + (" ..." if len(entry.names) > 3 else "")),
                    ".nf", ".ft B", roff("\n".join(entry.shown)), ".ft R", ".fi"]
        out.append(roff_blocks(entry.text))
    others = [f"\\fBkoken\\-{h.topic}\\fR(3)" for h in headers if h is not header and h.names()]
    out += [".SH SEE ALSO", "\\fBkoken\\fR(1),\n" + ",\n".join(others)]
    return "\n".join(out) + "\n"


def write_man(headers, target, version):
    folder = target / "man3"
    folder.mkdir(parents=True, exist_ok=True)
    taken = set()
    for header in headers:
        if not header.names():
            continue
        (folder / f"koken-{header.topic}.3").write_text(man_page(header, headers, version))
        for name in header.names():
            if name not in taken:
                (folder / f"{name}.3").write_text(f".so man3/koken-{header.topic}.3\n")
                taken.add(name)
    print(f"{sum(bool(h.names()) for h in headers)} pages, {len(taken)} names in {folder}")


# ---- the site -------------------------------------------------------------------------------------------

STYLE = """
:root{--ink:#1c1b1a;--paper:#fbfaf7;--line:#d9d4c8;--soft:#6d675c;--red:#9b2d20;--code:#f2efe7}
@media(prefers-color-scheme:dark){:root{--ink:#e8e4da;--paper:#191816;--line:#3a372f;--soft:#a39c8d;
--red:#e0806f;--code:#24221e}}
*{box-sizing:border-box}body{margin:0;color:var(--ink);background:var(--paper);
font:16px/1.55 Georgia,'Times New Roman',serif;display:grid;grid-template-columns:15rem minmax(0,1fr)}
nav{padding:1.5rem 1rem;border-right:1px solid var(--line);height:100vh;overflow:auto;position:sticky;top:0;
font-family:system-ui,sans-serif;font-size:14px}nav h2{font-size:12px;letter-spacing:.08em;text-transform:uppercase;
color:var(--soft);margin:1.4em 0 .3em}nav a{display:block;padding:.1em 0}main{padding:2rem 3rem 6rem;max-width:60rem}
a{color:var(--red);text-decoration:none}a:hover{text-decoration:underline}h1{font-weight:500;margin:.2em 0 .6em}
h2{margin-top:2.2em;font-weight:500;border-top:1px solid var(--line);padding-top:.8em}
pre,code{font:13.5px/1.5 ui-monospace,Menlo,Consolas,monospace}pre{background:var(--code);padding:.8em 1em;
overflow:auto;border-radius:4px}table{border-collapse:collapse;display:block;overflow:auto}
td,th{border-bottom:1px solid var(--line);padding:.3em .7em;text-align:left;vertical-align:top}
.names{font-family:system-ui,sans-serif;font-size:13px;color:var(--soft)}.decl{border-left:3px solid var(--red)}
input{width:100%;padding:.4em;border:1px solid var(--line);background:var(--code);color:var(--ink)}img{max-width:100%}
@media(max-width:50rem){body{display:block}nav{position:static;height:auto;border:0}main{padding:1rem}}
"""
SEARCH = """
const box=document.querySelector('#q'),out=document.querySelector('#hits');
box.addEventListener('input',()=>{const q=box.value.toLowerCase();
out.innerHTML=q.length<2?'':NAMES.filter(n=>n[0].toLowerCase().includes(q)).slice(0,30)
.map(n=>`<a href="${n[1]}">${n[0]}</a>`).join('')});
"""


def html_words(text, where, here):
    text = html.escape(text, quote=False)
    text = re.sub(r"\b(?:koken|KOKEN)_\w+", lambda m: html_name(m.group(0), where, here), text)
    return re.sub(r"(^|\. )" + LABELS + ":", r"\1<em>\2</em>:", text)


def html_name(name, where, here):
    page = where.get(name)
    return f'<code>{name}</code>' if not page else \
        f'<a href="{"" if page == here else page}#{name}"><code>{name}</code></a>'


def html_blocks(text, where, here):
    return "\n".join(f"<pre>{html.escape(w)}</pre>" if kind == "pre" else f"<p>{html_words(w, where, here)}</p>"
                     for kind, w in blocks(text))


def html_page(title, body, menu, names, version):
    return (f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" '
            f'content="width=device-width"><title>{html.escape(title)} - koken</title><style>{STYLE}</style>'
            f'<nav><a href="index.html"><b>koken</b> 後見 {version}</a><p><input id="q" '
            f'placeholder="find a name" aria-label="find a name"></p><div id="hits"></div>{menu}</nav>'
            f'<main>{body}</main><script>const NAMES={json.dumps(names)};{SEARCH}</script></html>\n')


def header_body(header, where):
    page = f"{header.topic}.html"
    out = [f"<h1>{header.include}</h1>", html_blocks(header.intro, where, page)]
    for entry in header.entries:
        anchors = "".join(f'<a id="{n}"></a>' for n in entry.names)
        if entry.shown:
            title = ", ".join(entry.names[:3]) + (" …" if len(entry.names) > 3 else "")
            code = html.escape("\n".join(entry.shown))
            out.append(f'<h2>{anchors}{title}</h2><pre class="decl">{code}</pre>')
        out.append(html_blocks(entry.text, where, page))
    return "\n".join(out)


def write_site(headers, target, version):
    try:
        import markdown
    except ImportError:
        sys.exit("reference.py: the site needs python3-markdown (apt-get install python3-markdown)")
    target.mkdir(parents=True, exist_ok=True)
    where = {}
    for header in headers:
        for name in header.names():
            where.setdefault(name, f"{header.topic}.html")
    names = sorted([n, f"{p}#{n}"] for n, p in where.items())
    documents = []
    for pattern in DOCUMENTS:
        for path in sorted(ROOT.glob(pattern)):
            name = path.stem if path.parent == ROOT else f"{path.parent.name}-{path.stem}"
            page = "index.html" if path.name == "README.md" and path.parent == ROOT else f"doc-{name}.html"
            documents.append((path, name.replace("-", " ").lower(), page))
    pages = {str(path.relative_to(ROOT)): page for path, _, page in documents}
    menu = "<h2>documents</h2>" + "".join(f'<a href="{p}">{n}</a>' for _, n, p in documents)
    menu += "<h2>reference</h2>" + "".join(
        f'<a href="{h.topic}.html">{h.topic}</a>' for h in headers if h.names())
    for path, name, page in documents:
        def link(match, folder=path.parent):
            file, _, anchor = match.group(1).partition("#")
            known = pages.get(str((folder / file).resolve().relative_to(ROOT))) \
                if file and "://" not in file and (folder / file).resolve().is_relative_to(ROOT) else None
            return f'href="{known}{"#" + anchor if anchor else ""}"' if known else match.group(0)
        body = markdown.markdown(path.read_text(), extensions=["tables", "fenced_code", "toc"])
        (target / page).write_text(html_page(name, re.sub(r'href="([^"]+)"', link, body), menu, names, version))
        for picture in re.findall(r'src="([^":]+\.svg)"', body):
            source = path.parent / picture
            if source.exists():
                (target / picture).parent.mkdir(parents=True, exist_ok=True)
                (target / picture).write_bytes(source.read_bytes())
    for header in headers:
        if header.names():
            text = html_page(header.include, header_body(header, where), menu, names, version)
            (target / f"{header.topic}.html").write_text(text)
    print(f"{len(documents)} documents, {sum(bool(h.names()) for h in headers)} headers, {len(names)} names in "
          f"{target}/index.html")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("kind", choices=["man", "site"])
    parser.add_argument("target", type=pathlib.Path)
    parser.add_argument("--version", default="")
    options = parser.parse_args()
    headers = [Header(p) for m in MODULES for p in sorted((ROOT / m / "include").rglob("*.h"))]
    {"man": write_man, "site": write_site}[options.kind](headers, options.target, options.version)


if __name__ == "__main__":
    main()
