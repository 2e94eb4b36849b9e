"""The report in a real browser: `pytest -m browser`, with a headless Chromium.

A copy of the page gets a script of the test's, which clicks and leaves what it saw in the page that Chromium prints.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from binner import report
from tests.report import folder

pytestmark = pytest.mark.browser
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "chrome")
CONTIGS = tuple(f"c{number}" for number in range(40))
NASTY = ("</script><script>document.title='gone'</script>", "<img/src=x/onerror=document.title='gone'>")
LOOK = """
const seen = {errors: []};
addEventListener("error", (event) => seen.errors.push(String(event.message)));
addEventListener("securitypolicyviolation", (event) => seen.errors.push(event.violatedDirective));
addEventListener("load", () => {
  const all = (what) => [...document.querySelectorAll(what)];
  const click = (part) => part.dispatchEvent(new MouseEvent("click", {bubbles: true}));
  const opened = () => all("tr.open td td:first-child").map((cell) => cell.textContent);
  %s
  seen.title = document.title;
  const left = document.createElement("pre");
  left.id = "seen";
  left.textContent = JSON.stringify(seen);
  document.body.append(left);
});
"""


def browser() -> str:
    found = next(filter(None, map(shutil.which, NAMES)), None)
    assert found, f"none of {', '.join(NAMES)} is installed; in Debian, apt-get install chromium-headless-shell"
    return found


def chromium(*args: str) -> str:
    flags = ("--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=2000")
    done = subprocess.run([browser(), *flags, *args], capture_output=True, text=True, timeout=120, check=True)
    return done.stdout


def look(page: Path, script: str) -> dict[str, Any]:
    """What `script` puts into `seen` on the page."""
    text = LOOK % script
    own = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    copy = page.with_name("copy.html")
    html = page.read_text().replace("script-src ", f"script-src 'sha256-{own}' ", 1)
    copy.write_text(html.replace("</title>", f"</title><script>{text}</script>", 1))
    found = re.search(r'<pre id="seen">(.*?)</pre>', chromium("--dump-dom", copy.as_uri()), re.DOTALL)
    assert found, "the page was loaded"
    seen: dict[str, Any] = json.loads(unescape(found[1]))
    return seen


@pytest.fixture
def page(tmp_path: Path) -> Path:
    folder.write(tmp_path / "out", contigs=CONTIGS, bins=("bin_1", "bin_2", "bin_10"))
    folder.keep_embedding(tmp_path / "out", CONTIGS)
    return report.write(tmp_path / "out")


def test_a_click_on_a_bin_shows_its_contigs_and_marks_them(page: Path) -> None:
    seen = look(
        page,
        """
        click(all("#bins button")[1]);
        seen.opened = opened();
        seen.next = all("tr.open tbody tr").map((row) => row.lastChild.textContent);
        seen.marked = [...new Set(all("svg .on").map((part) => part.dataset.b))];
        seen.faded = all("svg.some").length;
        click(all("#bins button")[1]);
        seen.closed = [opened().length, all(".on").length, all("svg.some").length];
        click(all("svg .dots.b").find((part) => part.dataset.b === "2"));
        seen.figure = opened();
        document.dispatchEvent(new KeyboardEvent("keydown", {key: "Escape"}));
        seen.escaped = opened().length;
        """,
    )
    assert sorted(seen["opened"]) == sorted(CONTIGS[1:39:3])
    assert set(seen["next"]) == {"", "bin_1"}
    assert (seen["marked"], seen["faded"], seen["closed"]) == (["1"], 3, [0, 0, 0])
    assert sorted(seen["figure"]) == sorted(CONTIGS[2:39:3])
    assert (seen["escaped"], seen["errors"]) == (0, [])


def test_a_click_on_a_heading_sorts(page: Path) -> None:
    seen = look(
        page,
        """
        const first = () => all("#bins tbody th").map((cell) => cell.textContent);
        const heads = all("#bins thead th");
        click(heads[0]);
        seen.down = first();
        click(heads[0]);
        seen.up = first();
        click(heads[2]);
        seen.sizes = all("#bins td[data-v]:nth-child(3)").map((cell) => Number(cell.dataset.v));
        """,
    )
    assert seen["down"] == ["bin_10", "bin_2", "bin_1"], "numbers in names count as numbers"
    assert seen["up"] == ["bin_1", "bin_2", "bin_10"]
    assert seen["sizes"] == sorted(seen["sizes"], reverse=True)
    assert seen["errors"] == []


def test_pointing_at_a_bin_names_it(page: Path) -> None:
    seen = look(
        page,
        """
        const move = (part) => part.dispatchEvent(new PointerEvent("pointermove", {bubbles: true}));
        move(all("svg .dots.b").find((part) => part.dataset.b === "2"));
        seen.tip = document.getElementById("tip").textContent;
        move(document.body);
        seen.hidden = document.getElementById("tip").hidden;
        """,
    )
    assert seen["tip"].startswith("bin_10: near-complete, ")
    assert seen["hidden"]


def test_names_with_markup_do_nothing(tmp_path: Path) -> None:
    folder.write(tmp_path / "out", contigs=(*NASTY, "c"), bins=NASTY, samples=NASTY, assembly="<i>soil")
    seen = look(
        report.write(tmp_path / "out"),
        """
        click(all("#bins button")[0]);
        seen.opened = opened();
        seen.images = all("img").length + all("i").length;
        """,
    )
    assert seen["title"] == "<i>soil: bins by binner"
    assert seen["opened"] == [NASTY[0]]
    assert seen["errors"] == []


def test_it_fits_and_prints(page: Path) -> None:
    seen = look(
        page,
        """
        seen.wide = document.documentElement.scrollWidth - innerWidth;
        seen.boxes = all("figure > svg").map((svg) => {
          const frame = svg.getBoundingClientRect();
          const out = [...svg.querySelectorAll("text")].filter((text) => {
            const box = text.getBoundingClientRect();
            return box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1
              || box.bottom > frame.bottom + 1;
          });
          return out.map((text) => text.textContent);
        });
        """,
    )
    assert seen["wide"] <= 0, "nothing to scroll sideways"
    assert seen["boxes"] == [[]] * 6, "no text is cut off"
    chromium(f"--print-to-pdf={page.with_suffix('.pdf')}", page.as_uri())
    assert page.with_suffix(".pdf").read_bytes().startswith(b"%PDF")
