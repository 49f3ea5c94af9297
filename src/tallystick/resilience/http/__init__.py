"""HTTP to a provider within one deadline: connecting, the head and the whole body together.

It follows no redirect, asks no proxy of the environment, unpacks nothing and repeats nothing.
"""

from __future__ import annotations

from tallystick.resilience.http.client import Answer, AnswerTooLarge, HttpClient, LineBroken

__all__ = ["Answer", "AnswerTooLarge", "HttpClient", "LineBroken"]
