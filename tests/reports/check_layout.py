#!/usr/bin/env python3
"""Looks at HTML reports with headless Chromium: check_layout.py [--screenshots FOLDER] FILE...

At 360, 800 and 1280 pixels, in light and dark, a page must have no horizontal overflow, no labels of a drawing that
overlap or leave its frame, contrast of WCAG 2.2 AA, headings in order, a scope on each table header, a name on each
drawing; and it must print nothing to the console and ask for nothing but itself. Prints what is wrong, a line each, and
exits with 1; with 77 where there is no chromium. Needs nothing but Python's library: the DevTools protocol runs over
pipes (--remote-debugging-pipe: JSON messages that end with NUL, written to descriptor 3 and read from 4).
"""
import base64
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

WIDTHS = (360, 800, 1280)
SCHEMES = ("light", "dark")

# Returns sentences. Runs in the page, whose policy does not hold for the protocol.
CHECK = r"""
(() => {
  const found = [];
  const width = document.documentElement.clientWidth;
  const say = (element) => (element.textContent || element.tagName).trim().replace(/\s+/g, ' ').slice(0, 60);
  const shown = (rect) => rect.width > 0 && rect.height > 0;
  if (document.documentElement.scrollWidth > width)
    found.push(`the page is ${document.documentElement.scrollWidth} pixels wide`);
  for (const element of document.body.querySelectorAll('*')) {
    if (element.closest('.scroll') || element.closest('svg')) continue;
    const rect = element.getBoundingClientRect();
    if (shown(rect) && (rect.right > width + 1 || rect.left < -1)) found.push(`leaves the page: "${say(element)}"`);
  }

  for (const svg of document.querySelectorAll('svg')) {
    if (!shown(svg.getBoundingClientRect())) continue;
    if (!svg.getAttribute('aria-hidden') && !svg.getAttribute('aria-label')) found.push('a drawing without a name');
    const frame = (svg.closest('.figure, .card') || svg).getBoundingClientRect();
    const labels = [...svg.querySelectorAll('text')].map(text => [text, text.getBoundingClientRect()]);
    const name = (svg.getAttribute('aria-label') || '').slice(0, 50);
    for (const [i, [text, a]] of labels.entries()) {
      if (a.left < frame.left || a.right > frame.right + 0.5 || a.bottom > frame.bottom + 0.5)
        found.push(`label "${say(text)}" leaves the frame of "${name}"`);
      if (a.height < 8) found.push(`label "${say(text)}" is ${a.height.toFixed(1)} pixels high in "${name}"`);
      for (const [other, b] of labels.slice(i + 1)) {
        const x = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        const y = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        if (x > 0.5 && y > 3) found.push(`labels "${say(text)}" and "${say(other)}" overlap in "${name}"`);
      }
    }
  }

  // Relative luminance and contrast: WCAG 2.2.
  const channels = (color) => (color.match(/[\d.]+/g) || []).map(Number);
  const luminance = (rgb) => {
    const [r, g, b] = rgb.slice(0, 3).map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = channels(getComputedStyle(at).backgroundColor);
      if (color.length === 3 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  const low = new Set();
  for (const element of document.body.querySelectorAll('*')) {
    const says = [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
    if (!says || !shown(element.getBoundingClientRect())) continue;
    const style = getComputedStyle(element);
    const ink = channels(element instanceof SVGElement ? style.fill : style.color);
    if (ink.length < 3 || element.tagName === 'title') continue;
    const [light, dark] = [luminance(ink), luminance(behind(element))].sort((a, b) => b - a);
    const ratio = (light + 0.05) / (dark + 0.05);
    const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5))
      low.add(`contrast ${ratio.toFixed(2)}: <${element.tagName.toLowerCase()} class="${element.getAttribute('class') || ''}">`);
  }
  found.push(...low);

  let level = 0;
  for (const heading of document.querySelectorAll('h1, h2, h3, h4')) {
    const next = Number(heading.tagName[1]);
    if (next > level + 1) found.push(`heading "${say(heading)}" skips a level`);
    level = next;
  }
  for (const header of document.querySelectorAll('th'))
    if (!header.hasAttribute('scope')) found.push(`table header "${say(header)}" has no scope`);
  for (const scroll of document.querySelectorAll('.scroll'))
    if (scroll.scrollWidth > scroll.clientWidth && scroll.tabIndex < 0)
      found.push(`what scrolls cannot be reached with the keyboard: "${say(scroll)}"`);
  return found;
})()
"""


class Browser:
    """Chromium at the other end of two pipes."""

    def __init__(self, program, profile):
        to_read, self.to_browser = os.pipe()
        self.from_browser, to_write = os.pipe()

        def connect():
            # Both ends first go where neither 3 nor 4 is, so that one dup2 does not close the other's.
            source, target = os.dup2(to_read, 30), os.dup2(to_write, 31)
            os.dup2(source, 3)
            os.dup2(target, 4)

        self.process = subprocess.Popen(
            [program, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
             "--disable-extensions", "--disable-background-networking", "--disable-component-update",
             f"--user-data-dir={profile}", "--remote-debugging-pipe", "about:blank"],
            preexec_fn=connect, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_read)
        os.close(to_write)
        self.number = 0
        self.buffer = b""
        self.events = []
        self.session = None
        target = next(t for t in self.send("Target.getTargets")["targetInfos"] if t["type"] == "page")
        self.session = self.send("Target.attachToTarget", targetId=target["targetId"], flatten=True)["sessionId"]

    def receive(self):
        while b"\0" not in self.buffer:
            part = os.read(self.from_browser, 1 << 16)
            if not part:
                raise RuntimeError("the browser went away")
            self.buffer += part
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def send(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to_browser, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.receive()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]
            self.events.append(answer)

    def wait_for(self, event):
        while not any(e.get("method") == event for e in self.events):
            self.events.append(self.receive())

    def close(self):
        self.process.terminate()
        self.process.wait()


def problems_of_events(events, url):
    found = []
    for event in events:
        method, detail = event.get("method"), event.get("params", {})
        if method == "Network.requestWillBeSent" and detail["request"]["url"] != url:
            found.append(f"asks for {detail['request']['url'][:100]}")
        elif method == "Runtime.consoleAPICalled":
            found.append("writes to the console")
        elif method == "Log.entryAdded":
            found.append(f"console: {detail['entry']['text'][:200]}")
        elif method == "Runtime.exceptionThrown":
            found.append("throws")
    return found


def find_chromium():
    return shutil.which("chromium") or shutil.which("chromium-browser")


def show(browser, path, width, scheme):
    """Loads the page at this width; returns its address."""
    url = path.resolve().as_uri()
    browser.send("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
    browser.send("Emulation.setEmulatedMedia", media="screen",
                 features=[{"name": "prefers-color-scheme", "value": scheme}])
    browser.events.clear()
    browser.send("Page.navigate", url=url)
    browser.wait_for("Page.loadEventFired")
    return url


def look(browser, path, width, scheme, screenshots):
    """What is wrong with the page, as sentences."""
    url = show(browser, path, width, scheme)
    # Open what is folded: its tables are part of the page.
    open_all = "document.querySelectorAll('details').forEach(d => { d.open = true; })"
    for state in ("folded", "open"):
        if state == "open":
            browser.send("Runtime.evaluate", expression=open_all)
        answer = browser.send("Runtime.evaluate", expression=CHECK, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"]["exception"]["description"])
        found = answer["result"]["value"]
        if state == "folded" and screenshots:
            height = browser.send("Runtime.evaluate", returnByValue=True,
                                  expression="document.documentElement.scrollHeight")["result"]["value"]
            image = browser.send("Page.captureScreenshot", captureBeyondViewport=True,
                                 clip={"x": 0, "y": 0, "width": width, "height": height, "scale": 1})
            name = f"{path.stem}-{width}-{scheme}.png"
            (pathlib.Path(screenshots) / name).write_bytes(base64.b64decode(image["data"]))
        if found:
            break
    return found + problems_of_events(browser.events, url)


def main(arguments):
    screenshots = None
    if arguments[:1] == ["--screenshots"]:
        screenshots, arguments = arguments[1], arguments[2:]
    if not arguments:
        print(__doc__, file=sys.stderr)
        return 2
    program = find_chromium()
    if program is None:
        print("no chromium here: layout, contrast and requests were not looked at")
        return 77
    status = 0
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:  # chromium's helpers outlive it a little
        browser = Browser(program, profile)
        try:
            for domain in ("Page", "Runtime", "Network", "Log"):
                browser.send(domain + ".enable")
            for path in map(pathlib.Path, arguments):
                for width in WIDTHS:
                    for scheme in SCHEMES:
                        for problem in look(browser, path, width, scheme, screenshots):
                            print(f"{path.name} at {width} pixels, {scheme}: {problem}")
                            status = 1
        finally:
            browser.close()
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
