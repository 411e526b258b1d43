"""The promises with the counts reached, as markdown."""
import parts

BEGIN = "<!-- torture: table -->"
END = "<!-- torture: end of table -->"


def counted(part, counts):
    """What one part has counted, in words."""
    if part.parallel and counts:
        yield f"{part.reached(counts):,} {part.what} for each of {len(counts)}: {', '.join(sorted(counts))}"
    for what, (ok, failed) in sorted(counts.items()):
        words = part.what if len(counts) == 1 else what.replace("-", " ")
        words = words.replace("passes", "pass", 1) if ok + failed == 1 else words
        if not part.parallel:
            yield f"{ok + failed:,} {words}" + (f", {failed:,} of them FAILED" if failed else "")
        elif failed:
            yield f"{words} FAILED"


def reached(ledger, promise):
    mine = [p for p in parts.PARTS if p.promise == promise]
    texts = [text for part in mine for text in counted(part, ledger.counts(part.name))]
    return "; ".join(texts) or "not counted yet"


def table(ledger):
    lines = ["| | what happens, and what holds | reached |", "| --- | --- | --- |"]
    lines += [f"| {name} | {text} | {reached(ledger, name)} |" for name, text in parts.PROMISES.items()]
    commits = ledger.commits()
    of = f" Commits {', '.join(commits[-3:])}, {ledger.span('date')}." if commits else ""
    return "\n".join(lines) + f"\n\nCounted by `scripts/torture.sh`; failures are counted like everything else.{of}\n"


def put_into(path, text):
    with open(path) as f:
        page = f.read()
    begin, end = page.index(BEGIN) + len(BEGIN), page.index(END)
    with open(path, "w") as f:
        f.write(page[:begin] + "\n" + text + page[end:])
