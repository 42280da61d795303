"""Several folders of source at once, and what of source is not taken."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.local.caller import Caller
from tests.local.sources import OBJECT, Write, described
from twinforce.local import LoadedMetadata, LocalOrg

TOGETHER = "; if source in another folder declares it, load both together"


@pytest.mark.parametrize("order", [("a", "b"), ("b", "a")])
def test_folders_that_refer_to_each_other_are_loaded_together(
    org: LocalOrg,
    call: Caller,
    project: Path,
    write: Write,
    field: Write,
    order: tuple[str, str],
) -> None:
    write("a/objects/A__c/A__c.object-meta.xml", "CustomObject", "<label>A</label>")
    declared = "<fullName>{}</fullName><label>F</label><type>{}</type>{}"
    parent = "<referenceTo>B__c</referenceTo><relationshipName>As</relationshipName>"
    colours = "<valueSet><valueSetName>Colours</valueSetName></valueSet>"
    for name, kind, rest in (("B__c", "Lookup", parent), ("Colour__c", "Picklist", colours)):
        place = f"a/objects/A__c/fields/{name}.field-meta.xml"
        write(place, "CustomField", declared.format(name, kind, rest))
    write("b/objects/B__c/B__c.object-meta.xml", "CustomObject", "<label>B</label>")
    write(
        "b/globalValueSets/Colours.globalValueSet-meta.xml",
        "GlobalValueSet",
        "<customValue><fullName>R</fullName><default>false</default></customValue>",
    )

    loaded = org.load_metadata(*(project / name for name in order))

    assert loaded.skipped == ()
    assert set(loaded.fields) == {"A__c.B__c", "A__c.Colour__c"}
    assert described(call, "A__c", "B__c")["referenceTo"] == ["B__c"]
    assert [it["value"] for it in described(call, "A__c", "Colour__c")["picklistValues"]] == ["R"]


def test_no_folder_declares_nothing(org: LocalOrg) -> None:
    assert org.load_metadata() == LoadedMetadata((), (), ())


def test_a_folder_may_be_named_twice_and_a_file_be_in_both(
    org: LocalOrg, project: Path, write: Write, field: Write
) -> None:
    write("objects/A__c/A__c.object-meta.xml", "CustomObject", OBJECT)
    field("A__c", "F__c", "Text", "<length>5</length>")
    copied = project.parent / "copy"
    shutil.copytree(project, copied)

    loaded = org.load_metadata(project, project / "objects/A__c", copied)

    assert (loaded.objects, loaded.fields) == (("A__c",), ("A__c.F__c",))
    field("A__c", "F__c", "Text", "<length>6</length>")
    with pytest.raises(ValueError, match=r"copy/.*: A__c\.F__c is in .*force-app/.* too, and diff"):
        org.load_metadata(project, copied)


def test_a_value_set_in_two_files_is_refused(org: LocalOrg, project: Path, write: Write) -> None:
    for folder in ("a", "b"):
        write(
            f"{folder}/globalValueSets/Colours.globalValueSet-meta.xml",
            "GlobalValueSet",
            f"<customValue><fullName>{folder}</fullName><default>false</default></customValue>",
        )
    with pytest.raises(ValueError, match=r"b/.*: Colours is in .*a/.* too, and differently"):
        org.load_metadata(project / "a", project / "b")


def test_a_folder_without_metadata_is_refused(
    org: LocalOrg, call: Caller, project: Path, field: Write
) -> None:
    field("Account", "F__c", "Text", "<length>5</length>")
    empty = project.parent / "empty"
    (empty / "classes").mkdir(parents=True)
    (empty / "classes" / "Greet.cls").write_text("class Greet {}", "utf-8")

    with pytest.raises(ValueError, match=r"^'.*empty' holds no metadata of objects"):
        org.load_metadata(project, empty)
    assert not [
        it for it in call("GET", "sobjects/Account/describe").body["fields"] if it["custom"]
    ]


def test_validation_rules_are_told_of_if_they_are_active(
    org: LocalOrg, project: Path, write: Write
) -> None:
    rule = "<active>{}</active><errorConditionFormula>TRUE</errorConditionFormula>"
    for name, active in (("Never", "true"), ("Off", "false")):
        place = f"objects/Account/validationRules/{name}.validationRule-meta.xml"
        write(place, "ValidationRule", f"<fullName>{name}</fullName>{rule.format(active)}")
    inline = f"<fullName>Inline</fullName>{rule.format('true')}"
    write(
        "src/objects/Lead.object",
        "CustomObject",
        f"<validationRules>{inline}</validationRules>",
    )

    never = project / "objects/Account/validationRules/Never.validationRule-meta.xml"
    reason = "the local org runs no formulas; add_validation_rule() takes a function instead"
    assert org.load_metadata(project).skipped == (
        f"{never}: Account.Never: {reason}",
        f"{project / 'src/objects/Lead.object'}: Lead.Inline: {reason}",
    )


def test_standard_fields_that_the_org_lacks_are_told_of(
    org: LocalOrg, project: Path, write: Write
) -> None:
    for name in ("AUnheard", "Industry", "BUnheard", "BillingAddress", "OwnerId"):
        place = f"objects/Account/fields/{name}.field-meta.xml"
        write(
            place, "CustomField", f"<fullName>{name}</fullName><trackHistory>false</trackHistory>"
        )
    content = "<fullName>{}</fullName><type>Text</type>"
    for name in ("Subject", "Unheard"):
        place = f"objects/Activity/fields/{name}.field-meta.xml"
        write(place, "CustomField", content.format(name))

    first, second = (
        project / "objects" / place
        for place in (
            "Account/fields/AUnheard.field-meta.xml",
            "Activity/fields/Unheard.field-meta.xml",
        )
    )
    both, reason = "Account.AUnheard, Account.BUnheard", "the local org does not have"
    assert org.load_metadata(project).skipped == (
        f"{first}: {both}: {reason} these standard fields",
        f"{second}: Activity.Unheard: {reason} this standard field",
    )


def test_record_types_of_an_object_that_is_not_there_are_told_of(
    org: LocalOrg, project: Path, write: Write
) -> None:
    place = "objects/Asset/recordTypes/Rented.recordType-meta.xml"
    write(place, "RecordType", "<fullName>Rented</fullName><label>Rented</label>")

    assert org.load_metadata(project).skipped == (
        f"{project / place}: the record types of Asset: no file declares it",
    )


def test_what_the_org_cannot_have_is_skipped_with_the_reason(
    org: LocalOrg, project: Path, write: Write, field: Write, caplog: pytest.LogCaptureFixture
) -> None:
    write("objects/M__mdt/M__mdt.object-meta.xml", "CustomObject", "<label>M</label>")
    field("M__mdt", "F__c", "Text", "<length>5</length>")
    write("objects/E__e/E__e.object-meta.xml", "CustomObject", "<label>E</label>")
    settings = "<label>S</label><customSettingsType>Hierarchy</customSettingsType>"
    write("objects/S__c/S__c.object-meta.xml", "CustomObject", settings)
    field("S__c", "F__c", "Text", "<length>5</length>")
    field("Asset", "F__c", "Text", "<length>5</length>")
    field("Asset", "G__c", "Text", "<length>5</length>")
    field("Account", "Asset__c", "Lookup", "<referenceTo>Asset</referenceTo>")
    nowhere = "<valueSet><valueSetName>Nowhere</valueSetName></valueSet>"
    field("Account", "Mood__c", "Picklist", nowhere)
    field("Account", "Today__c", "Date", "<defaultValue>TODAY()</defaultValue>")
    field("Account", "Abroad__c", "ExternalLookup", "<referenceTo>A__x</referenceTo>")
    loaded = org.load_metadata(project)
    assert loaded.objects == ()
    assert loaded.fields == ("Account.Today__c",)
    reasons = [
        "Abroad__c.field-meta.xml: Account.Abroad__c: the local org has no fields of type ExternalLookup",
        f"Asset__c.field-meta.xml: Account.Asset__c: there is no object Asset to refer to{TOGETHER}",
        f"Mood__c.field-meta.xml: Account.Mood__c: there is no value set Nowhere{TOGETHER}",
        "Today__c.field-meta.xml: Account.Today__c: its default is a formula, TODAY(); it has none here",
        "F__c.field-meta.xml: the fields of Asset: no file declares it",
        "E__e.object-meta.xml: E__e: the local org has no use for a platform event",
        "M__mdt.object-meta.xml: M__mdt: the local org has no use for a custom metadata type",
        "S__c.object-meta.xml: S__c: the local org has no custom settings",
    ]
    for reason in reasons:
        [found] = [line for line in loaded.skipped if line.endswith(reason)]
        assert found.startswith(str(project))
        assert found in caplog.text
    assert len(loaded.skipped) == len(reasons)
