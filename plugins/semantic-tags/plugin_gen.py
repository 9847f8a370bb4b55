"""Made of `plugin.json` by `mortise-sdk types`: what it names, for people, editors and the kit. Made again by every build; do
not edit.
"""

from mortise_sdk import Plugin


#: Its methods are the decorators: one for each extension point.
plugin = Plugin(
    "mortise.semantic-tags 1.1.1",
    exports={
        "action": {
            "tag": {},
        },
    },
    records={},
    permissions=["records.read"],
)
