"""Comments, evidence, labels, links, and the customer (domain.md §4.3–11, §4.18)."""

from __future__ import annotations

import msgspec
import pytest
from msgspec.structs import replace

from services.ops_issues.domain import commands, events
from services.ops_issues.domain.decisions.record import is_bare_link, mentions
from services.ops_issues.domain.ops_issue import Link
from services.ops_issues.domain.rules import Rule
from shared.events import ops
from shared.events.vocabulary import TIER_2, SourceCase
from tests.kit.given_when_then import given
from tests.unit.ops_issues.desk import (
    AWAITED,
    ask,
    claimed,
    desk,
    issue,
)


class TestComment:
    @pytest.mark.parametrize(
        ("text", "mentioned"),
        [
            ("@BusinessAnalysts please look", ("@BusinessAnalysts",)),
            ("Ask @operations-managers, or @ann.", ("@operations-managers", "@ann")),
            ("(@MOB) and @MOB again", ("@MOB",)),
            ("@ann.lee's phone", ("@ann.lee",)),
            ("mail ann@example.com or see x/@y", ()),
            ("nobody @ all", ()),
        ],
    )
    def test_mentions_are_read_from_the_text(self, text: str, mentioned: tuple[str, ...]) -> None:
        assert mentions(text) == mentioned

    def test_others_can_be_mentioned_too(self) -> None:
        assert mentions("Ask @ann", ["ann", "@bob"]) == ("@ann", "@bob")

    def test_no_more_are_mentioned_than_can_be_told(self) -> None:
        assert len(mentions(" ".join(f"@p{n}" for n in range(200)))) == 100

    def test_captures_a_discussion_elsewhere(self) -> None:
        command = commands.Comment(
            body="@MOB agreed to a fix.", visibility="internal", captured_from="#mobile"
        )
        given(issue()).when(ask(command)).then(
            ops.Commented(
                comment="@MOB agreed to a fix.",
                visibility="internal",
                mentions=("@MOB",),
                captured_from="#mobile",
                speaks_for=(TIER_2,),
            )
        )

    def test_the_same_words_twice_are_two_comments(self) -> None:
        at_work = desk()
        for _ in range(2):
            at_work.does(commands.Comment(body="Any news?", visibility="internal"))

        assert at_work.issue.comments == 2


class TestEvidence:
    @pytest.mark.parametrize(
        "content",
        [
            "https://app.datadoghq.com/logs?query=status%3Aerror",
            "  <https://logs.example.com/x>  ",
            "[the logs](https://logs.example.com/x)",
            "www.logs.example.com/x\nhttps://logs.example.com/y",
        ],
    )
    def test_a_bare_link_to_a_log_system_is_refused(self, content: str) -> None:
        assert is_bare_link(content)
        given(issue()).when(
            ask(commands.AttachEvidence(kind="log", content=content, query="status:error"))
        ).refused(Rule.BARE_LINK_IS_NOT_EVIDENCE)

    def test_a_log_is_stored_with_the_query_that_found_it(self) -> None:
        content = "09:01 ERROR timeout, see https://logs.example.com/x"
        given(issue()).when(
            ask(commands.AttachEvidence(kind="log", content=content, query="status:error"))
        ).then(
            events.EvidenceAttached(
                kind="log", content=content, query="status:error", speaks_for=(TIER_2,)
            )
        )

    def test_a_document_may_be_a_link(self) -> None:
        command = commands.AttachEvidence(kind="document", content="https://example.com/spec")
        at_work = desk()
        at_work.does(command)

        assert isinstance(at_work.log[-1].data, events.EvidenceAttached)


class TestLabelsAndInstitutions:
    def test_labels_come_and_go_once(self) -> None:
        vip = events.LabelAdded(label="vip")
        given(issue()).when(ask(commands.AddLabel(label="vip"))).then(vip)
        given(issue(vip)).when(ask(commands.AddLabel(label="vip"))).nothing_happened()
        given(issue(vip)).when(ask(commands.RemoveLabel(label="vip"))).then(
            events.LabelRemoved(label="vip")
        )
        given(issue()).when(ask(commands.RemoveLabel(label="vip"))).nothing_happened()
        assert issue(vip, events.LabelRemoved(label="vip")).labels == ()

    def test_each_institution_is_listed_once(self) -> None:
        first = events.InstitutionAdded(id="1", name="One")
        given(issue(first)).when(
            ask(commands.AddInstitution(id="1", name="One"))
        ).nothing_happened()
        given(issue(first)).when(ask(commands.AddInstitution(id="2", name="Two"))).then(
            events.InstitutionAdded(id="2", name="Two")
        )

    def test_an_institution_can_be_named_anew(self) -> None:
        after = issue(
            events.InstitutionAdded(id="1", name="One"),
            events.InstitutionAdded(id="2", name="Two"),
            events.InstitutionAdded(id="1", name="First"),
        )

        assert [held.name for held in after.institutions] == ["First", "Two"]


class TestLinks:
    @pytest.mark.parametrize(
        "kind", ["tracks", "blocks", "is blocked by", "duplicates", "follows", "relates"]
    )
    def test_every_kind(self, kind: str) -> None:
        command = msgspec.convert({"kind": kind, "to": "jsource:12"}, commands.Link)
        at_work = desk()
        at_work.does(command)

        assert at_work.issue.links == (Link(command.kind, "jsource:12"),)

    def test_a_link_of_engineering_is_engineerings(self) -> None:
        command = commands.Unlink(kind="tracks", to="MOB-3")
        given(issue(claimed("MOB"))).when(ask(command)).refused(Rule.LINK_IS_ENGINEERINGS)

    def test_unlinking(self) -> None:
        linked = events.Linked(kind="blocks", to="BA-7")
        command = commands.Unlink(kind="blocks", to="BA-7")
        given(issue(linked)).when(ask(command)).then(
            events.Unlinked(kind="blocks", to="BA-7", speaks_for=(TIER_2,))
        )
        given(issue()).when(ask(command)).nothing_happened()
        assert issue(linked, events.Unlinked(kind="blocks", to="BA-7")).links == ()

    def test_not_to_itself(self) -> None:
        given(issue()).when(ask(commands.Link(kind="relates", to="OPS-17"))).refused(
            Rule.NOT_TO_ITSELF
        )


class TestCustomer:
    def test_a_contact_records_who_was_contacted_and_how(self) -> None:
        case = SourceCase(system="jsource", number="12", owner="lou")
        before = replace(issue(), source_case=case)
        given(before).when(
            ask(commands.ContactCustomer(channel="call", comment="Still there?"))
        ).then(events.CustomerContacted(channel="call", comment="Still there?", contacted="lou"))

    def test_every_answer_and_update_is_a_fact_of_its_own(self) -> None:
        answered = events.CustomerResponded(comment="A Pixel.")
        given(issue(AWAITED, answered)).when(
            ask(commands.CustomerResponded(comment="A Pixel."))
        ).then(answered)
        given(issue()).when(ask(commands.CustomerUpdated(comment="Soon."))).then(
            events.CustomerUpdated(comment="Soon.")
        )

    def test_an_answer_keeps_the_status(self) -> None:
        assert issue(AWAITED, events.CustomerResponded()).status == "Waiting on Info"
