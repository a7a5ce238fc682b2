"""Text that runs a script where a page is careless, and how a browser tells that it did."""

from selenium.webdriver.common.by import By

# `top` is the page itself, also for what a frame in it runs.
RUN = "top.ran=(top.ran||[]).concat({number})"
ATTACKS = [
    "<script>{run}</script>",
    "</script><script>{run}</script>",
    "</style><script>{run}</script>",
    "</title><script>{run}</script>",
    "--><script>{run}</script>",
    "<img src=x onerror={run}>",
    '"><img src=x onerror={run}>',
    "'><img src=x onerror={run}>",
    "<svg onload={run}></svg>",
    "<svg><animate onbegin={run} attributeName=x dur=1s></svg>",
    "<iframe srcdoc='<script>{run}</script>'></iframe>",
    "<iframe src='javascript:{run}'></iframe>",
    "<details open ontoggle={run}>x</details>",
    "<input autofocus onfocus={run}>",
    "<div onmouseover={run}>over here</div>",
    "<math><mtext></mtext><mglyph><style><img src=x onerror={run}></style></mglyph></math>",
    "[click](javascript:{run})",
    "[click](javascript&colon;{run})",
    "<javascript:{run}>",
    '![x](x" onerror="{run})',
    "$<img src=x onerror={run}>$",
    "{{{{ ''.__class__ }}}} {{% raw %}}",
]
HOSTILE = [attack.format(run=RUN.format(number=number)) for number, attack in enumerate(ATTACKS)]
HOSTILE_TEXT = " ".join(HOSTILE)
MARK = "top.ran"
TOUCH = """
for (const element of document.querySelectorAll("*")) {
  for (const kind of ["mouseover", "focus", "toggle", "error", "load"]) {
    if (!["SCRIPT", "LINK", "IMG", "BODY"].includes(element.tagName)) {
      element.dispatchEvent(new Event(kind, {bubbles: false}));
    }
  }
}
for (const link of document.links) if (link.protocol === "javascript:") link.click();
"""
RAN = """
const handlers = [...document.querySelectorAll("*")].flatMap((element) =>
  [...element.attributes].filter((attribute) =>
    (attribute.name.startsWith("on") || attribute.name === "srcdoc")
    && attribute.value.includes("top.ran")).map((attribute) => attribute.name));
const links = [...document.links].map((link) => link.protocol).filter((name) =>
  !["http:", "https:", "file:", "mailto:"].includes(name));
return [[].concat(window.ran || []), handlers, links];
"""


def what_ran(browser):
    """Touch all of the page that is open; return the attacks that ran.

    With them come the handlers and the odd links that stand in the page, run or not.
    """
    browser.execute_script(TOUCH)
    browser.execute_async_script("setTimeout(arguments[0], 250)")
    ran, handlers, links = browser.execute_script(RAN)
    return sorted({int(number) for number in ran}), handlers, links


def shows_the_text(browser):
    """Say whether the page shows an attack as it was written."""
    return "onerror=top.ran" in browser.find_element(By.TAG_NAME, "body").text
