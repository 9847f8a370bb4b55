"""Made of `plugin.json` by `mortise-sdk types`: what it names, for people, editors and the kit. Made again by every build; do
not edit.
"""

from mortise_sdk import Get, Plugin, Record


class Company(Record):
    """A record of the kind `company`, with the fields that `plugin.json` asks for."""

    __slots__ = ()
    _entity = "company"

    #: The name of the field `country.code`.
    COUNTRY_CODE = "country.code"

    @property
    def country_code(self) -> Get:
        """The field `country.code`."""
        return self["country.code"]

    #: The name of the field `employees`.
    EMPLOYEES = "employees"

    @property
    def employees(self) -> Get:
        """The field `employees`."""
        return self["employees"]

    #: The name of the field `logo`.
    LOGO = "logo"

    @property
    def logo(self) -> Get:
        """The field `logo`."""
        return self["logo"]

    #: The name of the field `name`.
    NAME = "name"

    @property
    def name(self) -> Get:
        """The field `name`."""
        return self["name"]

    #: The name of the field `rating`.
    RATING = "rating"

    @property
    def rating(self) -> Get:
        """The field `rating`."""
        return self["rating"]

    #: The name of the field `tags`.
    TAGS = "tags"

    @property
    def tags(self) -> Get:
        """The field `tags`."""
        return self["tags"]

    #: The name of the field `turnover`.
    TURNOVER = "turnover"

    @property
    def turnover(self) -> Get:
        """The field `turnover`."""
        return self["turnover"]

    #: The name of the field `type`.
    TYPE = "type"

    @property
    def type(self) -> Get:
        """The field `type`."""
        return self["type"]

    #: The name of the field `vat_number`.
    VAT_NUMBER = "vat_number"

    @property
    def vat_number(self) -> Get:
        """The field `vat_number`."""
        return self["vat_number"]


#: Its methods are the decorators: one for each extension point.
plugin = Plugin(
    "mortise.conformance 1.0.0",
    exports={
        "validator": {
            "vat-number": {"entity": "company"},
        },
        "before-save": {
            "tidy": {"entity": "company"},
        },
        "after-commit": {
            "mirror": {"entity": "company"},
        },
        "action": {
            "echo": {},
            "circumstances": {},
            "steps": {},
            "tour": {},
        },
        "function": {
            "kinds": {"parameters": ["text", "integer", "decimal", "float", "boolean", "date", "timestamp", "many"], "returns": "json"},
            "add": {"parameters": ["integer", "integer"], "returns": "integer"},
            "half": {"parameters": ["float"], "returns": "float"},
            "negated": {"parameters": ["decimal"], "returns": "decimal"},
            "empty": {"parameters": ["text"], "returns": "boolean"},
            "day": {"parameters": ["timestamp"], "returns": "date"},
            "noon": {"parameters": ["date"], "returns": "timestamp"},
            "words": {"parameters": ["text"], "returns": "many"},
            "refuse": {"parameters": ["text"], "returns": "text"},
        },
        "scorer": {
            "size": {"entity": "company"},
        },
        "assigner": {
            "nearest": {"entity": "company"},
        },
        "provider": {
            "figures": {},
        },
        "renderer": {
            "card": {"entity": "company"},
        },
        "job": {
            "count": {},
        },
        "connector": {
            "rates": {},
        },
    },
    records={
        "company": Company,
    },
    permissions=["records.read", "records.write", "http", "storage"],
)
