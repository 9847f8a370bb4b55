"""The cases of all kits, on Python itself."""

import unittest
from pathlib import Path

from mortise_sdk.cases import check_case, read_cases
from plugin import plugin

FOLDER = Path(__file__).resolve().parents[2] / "cases"


class Cases(unittest.TestCase):
    def test_every_case_passes(self) -> None:
        files = sorted(FOLDER.glob("*.json"))
        self.assertTrue(files)
        for file in files:
            for case in read_cases(file.read_text("utf-8")):
                with self.subTest(file=file.name, case=case["about"]):
                    check_case(plugin, case)
