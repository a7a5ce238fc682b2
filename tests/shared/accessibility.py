"""What axe finds wrong with the page that a browser shows."""

from axe_core_python.selenium import Axe


def violations(browser):
    """The rules that the page breaks: for each its name and the first elements that break it.

    Formulas are left out: of their thousands of elements each would be looked at, for minutes.
    """
    browser.set_script_timeout(120)
    found = Axe().run(browser, {"exclude": [["math"]]})["violations"]
    return {one["id"]: [node["html"] for node in one["nodes"][:3]] for one in found}


def in_colours(browser, scheme):
    """Show pages as on a machine that prefers `light` or `dark` colours."""
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
