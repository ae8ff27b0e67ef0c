from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from shared.events.ids import derived_id

names = st.text(max_size=40)


@given(cause=st.uuids(), name=names)
def test_reacting_twice_gives_the_same_id(cause: UUID, name: str) -> None:
    assert derived_id(cause, name) == derived_id(UUID(str(cause)), name)


@given(cause=st.uuids(), name=names)
def test_it_is_a_uuid_version_7_of_the_cause_s_millisecond(cause: UUID, name: str) -> None:
    derived = derived_id(cause, name)

    assert (derived.version, derived.variant) == (7, "specified in RFC 4122")
    assert derived.bytes[:6] == cause.bytes[:6]


@given(cause=st.uuids(), names=st.lists(names, min_size=2, max_size=5, unique=True))
def test_reactions_of_one_cause_have_their_own_ids(cause: UUID, names: list[str]) -> None:
    assert len({derived_id(cause, name) for name in names}) == len(names)


@given(causes=st.lists(st.uuids(), min_size=2, max_size=5, unique=True), name=names)
def test_the_same_reaction_to_other_causes_has_another_id(causes: list[UUID], name: str) -> None:
    assert len({derived_id(cause, name) for cause in causes}) == len(causes)


@given(cause=st.uuids(), name=names)
def test_a_reaction_never_has_the_id_of_its_cause(cause: UUID, name: str) -> None:
    assert derived_id(cause, name) != cause


def test_the_derivation_is_on_disk_and_never_changes() -> None:
    cause = UUID("01932b6f-8a00-7abc-8def-0123456789ab")

    derived = derived_id(cause, "status-changed")

    assert derived == UUID("01932b6f-8a00-74b1-bf61-ee3741dfc5d9")
