# SPDX-License-Identifier: Apache-2.0
"""Follows what is in the places that own: slots, fields of states, payloads and letters, elements of tables.

clang's thread-safety analysis follows variables. A place may be empty by design, so it needs three answers instead of two:
E empty, F full, U unknown; what may hold at a point is a set of these, by the spelling of the place. The source is read as
the user wrote it, by the names of koken's macros: no types, no preprocessor. What cannot be followed (an index that changes,
a pointer that goes elsewhere) becomes U, of which nothing is reported but in handlers: one that fills a field of its state
without having asked whether something is in it, since an earlier message may have filled it, and one that uses a field
which a handler of this file takes out. What a function does to the places that its parameters lead to is known to its
callers in the same file.

reports_of(text) answers [(line, words, advice)].
"""
import re

E, F, U = "E", "F", "U"
UNKNOWN = frozenset(U)
ASK = "ask koken_has first, and take out what is there"

TOKEN = re.compile(r"[A-Za-z_]\w*|\d[\w.]*|->|\+\+|--|<<=|>>=|[-+*/%&|^=!<>]=|&&|\|\||<<|>>|\.\.\.|'(?:\\.|[^'\\])*'|\S")
ASSIGNING = {"=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>="}
READS = {"koken_peek", "koken_poke", "koken_dup_in", "koken_share_in"}
ASKS = {"koken_has", "koken_same", "koken_tag"}
# The place that a call fills or empties when it answers 0, by the number of the argument.
FILLS = {"koken_channel_recv_iso": 3, "koken_channel_recv_val": 3, "koken_await_iso": 4, "koken_await_val": 4,
         "koken_await_given_iso": 4, "koken_await_given_val": 4, "koken_receive_iso": 3, "koken_receive_val": 3}
EMPTIES = {"koken_give_letter": 2, "koken_channel_give_letter": 3}
CONSUMES = {"koken_post": 1, "koken_move": 0, "koken_freeze": 0, "koken_thaw": 0, "koken_drop": 0, "koken_set": 0,
            "koken_put": 1, "koken_give": 1, "koken_channel_give": 2, "koken_post_reply": 1, "koken_post_answer": 1}


PARAMETER_PLACE = re.compile(r"(\*?)(\w+)((?:->\w+(?:\.\w+)*)?)$")


class Lost(Exception):
    """The source is not what this reader understands; the function is left to the other layers."""


class Token(str):
    line = 0


def tokens_of(text):
    text = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda m: "\n" * m[0].count("\n"), text, flags=re.M)
    text = re.sub(r"\\\n", " \n", text)
    result, line, at = [], 1, 0
    for match in TOKEN.finditer(text):
        line += text.count("\n", at, match.start())
        at = match.start()
        token = Token(match[0])
        token.line = line
        result.append(token)
    return result


def closing(tokens, at):
    """The index of what closes the bracket at `at`."""
    pairs, depth = {"(": ")", "[": "]", "{": "}"}, []
    for i in range(at, len(tokens)):
        if tokens[i] in pairs:
            depth.append(pairs[tokens[i]])
        elif depth and tokens[i] == depth[-1]:
            depth.pop()
            if not depth:
                return i
        elif tokens[i] in ")]}":
            raise Lost
    raise Lost


def split(tokens, separator=","):
    parts, depth = [[]], 0
    for token in tokens:
        depth += (token in "([{") - (token in ")]}")
        if token == separator and depth == 0:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def functions_of(tokens):
    """(name, parameters, body) of each function."""
    at = 0
    while at < len(tokens):
        if tokens[at] == "{":
            end = closing(tokens, at)
            if at > 0 and tokens[at - 1] == ")":
                depth, start = 0, at - 1
                while start >= 0:
                    depth += (tokens[start] == ")") - (tokens[start] == "(")
                    if depth == 0:
                        break
                    start -= 1
                if start > 0 and re.match(r"[A-Za-z_]", tokens[start - 1]):
                    yield tokens[start - 1], split(tokens[start + 1:at - 1]), tokens[at:end + 1]
            at = end
        at += 1


# ---- statements: (kind, line, ...) ----

class Parser:
    def __init__(self, tokens):
        self.tokens, self.at = tokens, 0

    def peek(self):
        if self.at >= len(self.tokens):
            raise Lost
        return self.tokens[self.at]

    def group(self):
        if self.peek() != "(":
            raise Lost
        end = closing(self.tokens, self.at)
        inner = self.tokens[self.at + 1:end]
        self.at = end + 1
        return inner

    def until_semicolon(self):
        start = self.at
        while self.peek() != ";":
            self.at = closing(self.tokens, self.at) + 1 if self.peek() in "([{" else self.at + 1
        self.at += 1
        return self.tokens[start:self.at - 1]

    def block(self):
        self.at += 1
        parts = []
        while self.peek() != "}":
            parts.append(self.statement())
        self.at += 1
        return ("block", parts)

    def statement(self):
        word = self.peek()
        if word == "{":
            return self.block()
        if word == ";":
            self.at += 1
            return ("block", [])
        if word in ("if", "while", "switch", "for", "do"):
            return self.compound(word)
        if word in ("return", "break", "continue", "goto"):
            self.at += 1
            return (str(word), word.line, self.until_semicolon())
        return self.simple(word)

    def compound(self, word):
        self.at += 1
        if word == "do":
            body = self.statement()
            self.at += 1  # while
            condition = self.group()
            self.until_semicolon()
            return ("do", word.line, condition, body)
        condition = self.group()
        body = self.statement()
        if word == "if":
            other = ("block", [])
            if self.at < len(self.tokens) and self.peek() == "else":
                self.at += 1
                other = self.statement()
            return ("if", word.line, condition, body, other)
        return (str(word), word.line, condition, body)

    def simple(self, word):
        following = self.tokens[self.at + 1:self.at + 2]
        if word in ("case", "default"):
            while self.peek() != ":":
                self.at += 1
            self.at += 1
            return ("case", word.line)
        if following == [":"] and re.match(r"[A-Za-z_]", word):
            self.at += 2
            return ("label", word.line, str(word))
        if following == ["("] and re.match(r"[A-Za-z_]", word):
            end = closing(self.tokens, self.at + 1)
            if self.tokens[end + 1:end + 2] == ["{"]:  # a macro that begins a block
                self.at = end + 1
                return ("with" if word == "KOKEN_WITH" else "loop", word.line, self.block())
        return ("expression", word.line, self.until_semicolon())


# ---- what holds ----

def join(*states):
    """A state is a dict of place -> frozenset, or None where nothing comes by."""
    here = [s for s in states if s is not None]
    if not here:
        return None
    result = {}
    for place in set().union(*here):
        result[place] = frozenset().union(*(s.get(place, UNKNOWN) for s in here))
    return result


def place_of(tokens):
    """How a place is spelled: a payload is what its handle is called, whether it is read or written."""
    while len(tokens) > 2 and tokens[0] == "(" and closing(tokens, 0) == len(tokens) - 1:
        tokens = tokens[1:-1]
    return re.sub(r"\bkoken_(?:mut|get|poke|peek)\((\w+)\)", r"\1^", " ".join(tokens).replace(" ", ""))


def held_at(state, place):
    """What is at a place: a state that was released has nothing in any of its fields."""
    if place not in state and "->" in place:
        return state.get(place.split("->")[0] + "->*", UNKNOWN)
    return state.get(place, UNKNOWN)


def words_of(place):
    return set(re.findall(r"[A-Za-z_]\w*", place))


def through(argument, behind):
    """The caller's spelling of what the called function calls *p (behind is "") or p->x ("->x")."""
    place = place_of(argument)
    if place.startswith("&"):
        return place[1:] + behind.replace("->", ".", 1)
    return place + behind if behind else "*" + place


class Follower:
    def __init__(self, parameters, known, needed, fillers, emptied):
        self.found = {}
        self.locals = set()
        self.labels = {}
        self.known = known      # name -> what that function leaves behind
        self.needed = needed    # name -> the places that it uses in any case
        self.fillers = fillers  # name -> the places that it fills without asking
        self.emptied = emptied  # fields of states that a handler takes out
        self.taken = set()
        self.filled = set() # places behind parameters that are filled without having been asked for
        self.ends = None        # what holds where the function is left
        self.answers = {}       # variable -> the call whose answer it has: (is a filling one, place, what held before)
        names = [next((t for t in reversed(p) if re.match(r"[A-Za-z_]\w*$", t)), "") for p in parameters]
        is_handler = len(parameters) == 3 and "koken_ctx" in parameters[0] and "void" not in parameters[2] and \
            "*" in parameters[2]
        self.names = [str(name) for name in names]
        self.state_name = str(names[1]) if is_handler else None
        self.message_name = str(names[2]) if is_handler else None

    def report(self, line, words, advice=ASK):
        self.found[(line, words)] = advice

    # -- expressions --

    def calls(self, tokens):
        """(name, arguments, first token's line) of each call, inner ones first."""
        result, at = [], 0
        while at < len(tokens):
            if tokens[at] == "(" and at > 0 and re.match(r"[A-Za-z_]", tokens[at - 1]):
                inside = tokens[at + 1:closing(tokens, at)]
                arguments = split(inside)
                result += self.calls(inside) + [(str(tokens[at - 1]), arguments, tokens[at - 1].line)]
                at += len(inside) + 1
            at += 1
        return result

    def spoil(self, state, name):
        """Something else may have changed what that name leads to."""
        for place in [p for p in state if name in words_of(p)]:
            state[place] = UNKNOWN

    def changed(self, state, tokens):
        """Places whose spelling means something else now."""
        for i, token in enumerate(tokens):
            if not re.match(r"[A-Za-z_]", token):
                continue
            after, before = tokens[i + 1:i + 2], tokens[i - 1:i] if i else []
            if after in (["++"], ["--"]) or before in (["++"], ["--"]) or after and after[0] in ASSIGNING:
                self.forget(state, token)

    def forget(self, state, name):
        """That name means something else from here on."""
        for place in [p for p in state if name in words_of(p)]:
            del state[place]

    def fill(self, state, place, line, how):
        before = held_at(state, place)
        if F in before:
            self.report(line, f"'{place}' is {how}, and {'' if before == {F} else 'on one path to here '}owns something already: "
                        "that would leak")
        elif U in before and PARAMETER_PLACE.match(place) and PARAMETER_PLACE.match(place)[2] in self.names:
            self.filled.add((self.names.index(PARAMETER_PLACE.match(place)[2]), PARAMETER_PLACE.match(place)[3]))
        if U in before and F not in before and self.state_name and re.match(rf"{self.state_name}->[\w.]+$", place):
            self.report(line, f"'{place}' is {how}, which an earlier message may have filled: that would leak")
        state[place] = frozenset(F)

    def element(self, state, place, held):
        """A table on the stack: something was put into it, or taken out, somewhere."""
        table = re.match(r"(\w+)\[.*\]$", place)
        if table and table[1] in self.locals:
            state[table[1] + "[*]"] = held

    def call(self, state, name, arguments, line):
        first = place_of(arguments[0]) if arguments and arguments[0] else ""
        if name == "koken_take":
            if held_at(state, first) == {E}:
                self.report(line, f"'{first}' is taken out where nothing is in it", "take it out once on each path")
            state[first] = frozenset(E)
            self.taken.add(first)
            self.element(state, first, UNKNOWN)
        elif name == "koken_put" and len(arguments) == 2:
            self.fill(state, first, line, "filled")
            self.element(state, first, frozenset(F))
            self.consumed(state, name, arguments)
            state[first] = frozenset(F)
        elif name in READS:
            place = place_of(arguments[-1]) if name == "koken_share_in" else first
            held = held_at(state, place)
            if self.state_name and held == UNKNOWN and place.startswith(self.state_name + "->") and \
                    place[len(self.state_name) + 2:] in self.emptied:
                self.report(line, f"'{place}' is used, which an earlier message may have taken out", "ask koken_has first")
            if E in held:
                self.report(line, f"'{place}' is used where {'' if held == {E} else 'on one path '}nothing is in it any "
                            "more", "ask koken_has, or use it before it is taken out")
        elif name in ("koken_iso", "koken_val", "koken_local") and len(arguments) == 2:
            self.forget(state, place_of(arguments[1]))
        elif name in ("koken_slot", "koken_slot_val") and len(arguments) == 2:
            if F in state.get(place_of(arguments[1]), UNKNOWN):
                self.report(line, f"'{place_of(arguments[1])}' still owns something at the end of its block, on one path to here",
                            "take it out, and send, put or drop it")
            state[place_of(arguments[1])] = frozenset(E)
            self.locals.add(place_of(arguments[1]))
        elif name == "koken_release" and len(arguments) == 2:
            self.leaves_state(state, place_of(arguments[1]))
        elif name == "koken_stash" and self.message_name:
            for place, held in state.items():
                if self.message_name in words_of(place) and E in held:
                    self.report(line, "the message is put aside, and what was in it has been taken out",
                                "decide before koken_take, or put it back by koken_put")
        elif name in FILLS and FILLS[name] < len(arguments):
            place = place_of(arguments[FILLS[name]])
            if F in state.get(place, UNKNOWN):
                self.fill(state, place, line, "filled by an answer")
            state[place] = UNKNOWN
        elif name in EMPTIES and EMPTIES[name] < len(arguments):
            for place in [p for p in state if p.startswith(place_of(arguments[EMPTIES[name]]))]:
                if E in state[place] and U not in state[place]:
                    self.report(line, f"'{place}' is given away where {'' if state[place] == {E} else 'on one path '}nothing is in "
                                "it any more", "fill it again before it is given again")
                state[place] = UNKNOWN
        elif name not in ASKS:
            if name == "free":
                self.freed(state, first, line)
            self.other_call(state, name, arguments, line)

    def freed(self, state, memory, line):
        for place, held in sorted(state.items()):
            if place.startswith((memory + "->", memory + "[")) and F in held and U not in held:
                self.report(line, f"'{place}' still owns something when its memory is freed", "take it out first")

    def leaves_state(self, state, place):
        if place.startswith("&"):
            for other in [p for p in state if p.startswith(place[1:] + ".")]:
                state[other] = frozenset(E)
            return
        for other in [p for p in state if p.startswith(place + "->")]:
            state[other] = frozenset(E)
        state[place + "->*"] = frozenset(E)

    def consumed(self, state, name, arguments):
        """A variable gives away what it has; of a slot it is known that it is empty then."""
        place = place_of(arguments[CONSUMES[name]])
        was_known = place in state
        for word in words_of(place):
            self.forget(state, word)
        if was_known:
            state[place] = frozenset(E) if name in ("koken_post", "koken_move", "koken_freeze", "koken_thaw", "koken_drop",
                                                    "koken_put") else UNKNOWN

    def other_call(self, state, name, arguments, line):
        if name in CONSUMES and CONSUMES[name] < len(arguments):
            self.consumed(state, name, arguments)
            return
        for number, behind in self.needed.get(name, ()):
            place = through(arguments[number], behind) if number < len(arguments) else ""
            if held_at(state, place) == {E}:
                self.report(line, f"'{place}' is used by {name}, and nothing is in it any more", "ask koken_has first")
        for number, behind in self.fillers.get(name, ()):
            place = through(arguments[number], behind) if number < len(arguments) else ""
            if F in held_at(state, place):
                self.report(line, f"'{place}' is filled by {name}, and on one path to here owns something already: that would leak")
        is_own = name.startswith("koken_") or name == "sizeof" # changes only what it gets the address of
        for argument in arguments:
            if "&" in argument or not is_own and not any(t in ("->", ".") for t in argument):
                for word in (t for t in argument if re.match(r"[A-Za-z_]", t)):
                    self.spoil(state, word)
        for number, behind, held in self.known.get(name, ()):
            if number < len(arguments):
                state[through(arguments[number], behind)] = held

    def expression(self, state, tokens):
        if state is None or not tokens:
            return state
        held = dict(state)
        before = held if any(t in ("?", "&&", "||") for t in tokens) else None
        for name, arguments, line in self.calls(tokens):
            self.call(state, name, arguments, line)
        self.changed(state, tokens)
        self.declared(state, tokens)
        self.answered(state, tokens, held)
        return state if before is None else join(before, state)

    def answered(self, state, tokens, held):
        """int rc = koken_give_letter(...): what rc tells later."""
        if "=" not in tokens[1:-1]:
            return
        at = tokens.index("=")
        self.answers.pop(str(tokens[at - 1]), None)
        told = self.tells(tokens[at + 1:], held)
        if told:
            self.answers[str(tokens[at - 1])] = told

    def tells(self, tokens, held):
        if len(tokens) < 4 or tokens[1] != "(" or tokens[0] not in FILLS and tokens[0] not in EMPTIES or \
                closing(tokens, 1) != len(tokens) - 1:
            return None
        arguments = split(tokens[2:-1])
        place = place_of(arguments[FILLS.get(tokens[0], EMPTIES.get(tokens[0]))])
        return tokens[0] in FILLS, place, {p: h for p, h in held.items() if p == place or p.startswith(place + ".")}

    def declared(self, state, tokens):
        """A struct, or a table of handles, on the stack: what is in it at the end is lost."""
        kinds = [t for t in tokens if t not in ("const", "volatile")]
        if len(kinds) > 2 and kinds[0] == "struct" and re.match(r"[A-Za-z_]", kinds[2]):
            self.forget(state, kinds[2])
            self.locals.add(str(kinds[2]))
        elif len(kinds) > 2 and re.search(r"_(iso|val)$", kinds[0]) and re.match(r"[A-Za-z_]", kinds[1]) and kinds[2] == "[":
            self.forget(state, kinds[1])
            self.locals.add(str(kinds[1]))
            state[kinds[1] + "[*]"] = frozenset(E)

    # -- conditions --

    def condition(self, state, tokens):
        """(what holds where it is true, where it is false)."""
        if state is None:
            return None, None
        while len(tokens) > 2 and tokens[0] == "(" and closing(tokens, 0) == len(tokens) - 1:
            tokens = tokens[1:-1]
        for operator in ("||", "&&"):
            parts = split(tokens, operator)
            if len(parts) > 1:
                return self.chain(state, operator, parts)
        if tokens[:1] == ["!"]:
            yes, no = self.condition(state, tokens[1:])
            return no, yes
        return self.atom(state, tokens)

    def chain(self, state, operator, parts):
        decided, rest = None, state
        for part in parts:
            yes, no = self.condition(None if rest is None else dict(rest), part)
            decided, rest = (join(decided, yes), no) if operator == "||" else (join(decided, no), yes)
        return (decided, rest) if operator == "||" else (rest, decided)

    def atom(self, state, tokens):
        before = dict(state)
        state = self.expression(state, tokens)
        yes, no = dict(state), dict(state)
        name = str(tokens[0]) if tokens else ""
        if not tokens or tokens in (["1"], ["true"]):
            return yes, None
        if name == "koken_has" and len(tokens) > 3 and closing(tokens, 1) == len(tokens) - 1:
            place = place_of(tokens[2:-1])
            held = held_at(before, place)
            return ({**yes, place: frozenset(F)} if held != {E} else None), \
                ({**no, place: frozenset(E)} if held != {F} else None)
        compared = tokens[-2:] if len(tokens) > 2 and tokens[-1] == "0" and tokens[-2] in ("==", "!=", "<") else []
        asked = tokens[:len(tokens) - len(compared)]
        told = self.answers.get(str(asked[0])) if len(asked) == 1 else self.tells(asked, before)
        if told:
            zero, other = (yes, no) if compared[:1] == ["=="] else (no, yes)
            fills, place, held = told
            other.update(held)
            if fills:
                zero[place] = frozenset(F)
            else:
                for key in held:
                    zero[key] = frozenset(E)
        return yes, no

    # -- statements: the state behind, or None; where break and continue go is in `exits` --

    def at_end(self, state, line):
        if state is None:
            return
        self.ends = join(self.ends, state)
        for place, held in sorted(state.items()):
            root = re.match(r"\w+", place)
            if F in held and U in held and place.endswith("[*]"):
                continue
            if F in held and root and root[0] in self.locals and "^" not in place:
                self.report(line, f"'{place}' {'still' if held == {F} else 'on one path to here still'} owns something at the end "
                            "of the function", "take it out, and send, put or drop it")

    def run(self, statement, state, exits):
        kind = statement[0]
        if kind == "block":
            for part in statement[1]:
                state = self.run(part, state, exits)
            return state
        if kind in ("while", "do", "for", "loop", "with", "switch"):
            return getattr(self, "run_" + kind)(statement, state, exits)
        if kind == "if":
            yes, no = self.condition(state, statement[2])
            return join(self.run(statement[3], yes, exits), self.run(statement[4], no, exits))
        return self.run_small(kind, statement, state, exits)

    def run_small(self, kind, statement, state, exits):
        if kind == "expression":
            return self.expression(state, statement[2])
        if kind == "case":
            return join(state, exits["switch"])
        if kind == "label":
            state = join(state, self.labels.get(statement[2]))
            return None if state is None else dict(state)
        if kind == "return":
            self.at_end(self.expression(state, statement[2]), statement[1])
        elif kind == "goto":
            self.labels[statement[2][0]] = join(self.labels.get(statement[2][0]), state)
        elif state is not None:
            exits[kind].append(dict(state))
        if exits.get("with") and (kind in ("return", "goto") or exits["with"] is exits[kind]):
            self.report(statement[1], f"{kind} out of a KOKEN_WITH block", "leave the block by its end")
        return None

    def inner(self, exits):
        return {"break": [], "continue": [], "switch": exits["switch"], "with": exits.get("with")}

    def repeat(self, state, once, exits):
        """once(state, exits) answers (behind the body, where the loop ends)."""
        end = None
        for _ in range(3):  # E, F, U: three rounds reach the fixpoint
            inner = self.inner(exits)
            back, end = once(None if state is None else dict(state), inner)
            end = join(end, *inner["break"])
            state = join(state, back, *inner["continue"])
        return end

    def run_while(self, statement, state, exits):
        def once(state, inner):
            yes, no = self.condition(state, statement[2])
            return self.run(statement[3], yes, inner), no
        return self.repeat(state, once, exits)

    def run_do(self, statement, state, exits):
        def once(state, inner):
            state = join(self.run(statement[3], state, inner), *inner["continue"])
            inner["continue"] = []
            return self.condition(state, statement[2])
        return self.repeat(state, once, exits)

    def run_for(self, statement, state, exits):
        parts = split(statement[2], ";")
        if len(parts) != 3:
            raise Lost
        state = self.expression(state, parts[0])

        def once(state, inner):
            yes, no = self.condition(state, parts[1])
            state = join(self.run(statement[3], yes, inner), *inner["continue"])
            inner["continue"] = []
            return self.expression(state, parts[2]), no
        return self.repeat(state, once, exits)

    def run_loop(self, statement, state, exits):
        return self.repeat(state, lambda state, inner: (self.run(statement[2], dict(state) if state is not None else None, inner), state),
                           exits)

    def run_with(self, statement, state, exits):
        inner = self.inner(exits)
        inner["with"] = inner["break"]
        inner["continue"] = inner["break"]
        return join(self.run(statement[2], state, inner), *inner["break"])

    def run_switch(self, statement, state, exits):
        state = self.expression(state, statement[2])
        inner = {"break": [], "continue": exits["continue"], "switch": state, "with": exits.get("with")}
        if exits.get("with") is exits["break"] and exits.get("with") is not None:
            inner["with"] = exits["continue"]
        behind = self.run(statement[3], None, inner)
        return join(behind, state, *inner["break"])


    def summary(self):
        """[(number of the parameter, what is behind it, what is there at the end)]"""
        result = []
        for place, held in (self.ends or {}).items():
            match = PARAMETER_PLACE.match(place)
            if match and match[2] in self.names and bool(match[1]) != bool(match[3]):
                result.append((self.names.index(match[2]), match[3], held))
        return result


def uses(follower, tree, body):
    """[(number of the parameter, what is behind it)] of the places that are used before the first branch, without asking."""
    result = []
    asked = {str(body[i + 2]) for i in range(len(body) - 2) if body[i] == "koken_none"}
    for kind, _, *rest in (part if len(part) > 2 else (part[0], 0) for part in tree[1]):
        if kind != "expression":
            break
        tokens = rest[0]
        if "=" in tokens and tokens[0] in ("koken_iso", "koken_val") and tokens[tokens.index("=") - 2] in asked:
            continue
        for name, arguments, _ in follower.calls(tokens):
            match = PARAMETER_PLACE.match(place_of(arguments[0])) if arguments and arguments[0] else None
            if (name == "koken_take" or name in READS) and match and match[2] in follower.names:
                result.append((follower.names.index(match[2]), match[3]))
    return result


def follow(parameters, body, *facts):
    follower = Follower(parameters, *facts)
    tree = Parser(body).statement()
    follower.uses = uses(follower, tree, body)
    for _ in range(2):  # the second time the labels are known
        exits = {"break": [], "continue": [], "switch": None, "with": None}
        follower.found, follower.ends = {}, None
        follower.at_end(follower.run(tree, {}, exits), body[-1].line)
    return follower


def reports_of(text):
    """[(line, words, advice)] of a C source without comments and strings."""
    result, known, needed, fillers, emptied = [], {}, {}, {}, set()
    try:
        functions = [(name, parameters, body) for name, parameters, body in functions_of(tokens_of(text))
                     if any(t.startswith(("koken_", "KOKEN_WITH")) for t in body)]
    except Lost:
        return []
    for is_last in (False, True): # what functions leave behind; then what is wrong
        for name, parameters, body in functions:
            try:
                follower = follow(parameters, body, known, needed, fillers, emptied)
            except (Lost, IndexError, RecursionError):
                continue # it is left to the other layers
            known[str(name)] = follower.summary()
            needed[str(name)] = follower.uses
            fillers[str(name)] = follower.filled
            for behind in (place[len(follower.state_name) + 2:] for place in follower.taken
                           if follower.state_name and place.startswith(follower.state_name + "->")
                           and E in (follower.ends or {}).get(place, UNKNOWN)):
                emptied.add(behind)
            if is_last:
                result += [(line, words, advice) for (line, words), advice in follower.found.items()]
    return result
