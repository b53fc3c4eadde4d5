"""The three support measures that the sample backends play, and what their start pages say. No behaviour."""

from dataclasses import dataclass

from pagekit import message


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One measure. Its id is also its path and the audience of its assertions; its texts are message ids.

    With `signs` there is a page that asks for a more certain sign-in.
    """

    id: str
    title: str
    summary: str
    task: str
    signs: bool = False

    @property
    def prefix(self) -> str:
        return f"/{self.id}"


MEASURES: tuple[Measure, ...] = (
    Measure(
        id="kmo-portefeuille",
        title=message("kmo-portefeuille"),
        summary=message(
            "Support for training and advice that your enterprise buys from a registered service provider."
        ),
        task=message("Apply for support for a training or an advice"),
    ),
    Measure(
        id="ecologiepremie-plus",
        title=message("Ecologiepremie Plus"),
        summary=message("Support for investments that spare the environment or save energy."),
        task=message("Apply for support for an investment"),
        signs=True,
    ),
    Measure(
        id="coronamaatregelen",
        title=message("Coronamaatregelen"),
        summary=message("Look into the premiums that your enterprise asked for in the corona period."),
        task=message("Add a document to a file"),
    ),
)
