"""The promises with the counts reached, as markdown."""
import parts

BEGIN = "<!-- torture: table -->"
END = "<!-- torture: end of table -->"


def reached(ledger, promise):
    """ "1,000 kills, 2 of them FAILED; 20 ..." """
    texts = []
    for part in parts.PARTS:
        if part.promise != promise:
            continue
        for what, (ok, failed) in sorted(ledger.counts(part.name).items()):
            texts.append(f"{ok + failed:,} {what}" + (f", {failed:,} of them FAILED" if failed else ""))
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
