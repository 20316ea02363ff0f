"""Feature services: what is asked for together."""

from feast import FeatureService, FeatureView

from real_estate_assets.core.features.registry import numbered

EVERYTHING = "everything"  # all of both views, with each row's note
LISTED = "listed_54"  # the 41 property and 13 market features of the list that customers know, keys and ages apart


def services(of_property: FeatureView, of_market: FeatureView) -> list[FeatureService]:
    """The services over the two views of one tenant."""
    listed = [one.name for entity in ("property", "market") for one in numbered(entity) if one.is_stored]
    names = {view.name: [field.name for field in view.features] for view in (of_property, of_market)}
    chosen = [view[[n for n in names[view.name] if n in listed]] for view in (of_property, of_market)]
    return [
        FeatureService(name=EVERYTHING, features=[of_property, of_market]),
        FeatureService(name=LISTED, features=chosen),
    ]
