"""What is too wide on a page, which a longer language shows first."""

from __future__ import annotations

from typing import Any


def overflowing(page: Any) -> list[str]:
    """Texts that are wider than what they stand in, and the page itself if it is wider than the screen."""
    found: list[str] = page.evaluate(
        """() => {
          const wide = [...document.querySelectorAll("button, a, label, h1, h2, .chip, summary")].filter(
            (element) => element.offsetParent && element.scrollWidth > element.clientWidth + 2
              && getComputedStyle(element).display !== "inline"
              && !element.closest(".hidden-label, .tile, .mark-link"));
          const page = document.documentElement.scrollWidth > innerWidth ? ["the page"] : [];
          return [...page, ...wide.map((element) => `${element.tagName} ${element.textContent}`)];
        }"""
    )
    return found
