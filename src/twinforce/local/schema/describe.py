"""The answers of the describe calls, from the schema."""

from __future__ import annotations

from typing import Any, Final

from .fields import Field, PicklistValue
from .sobjects import RecordType, Schema, SObject


def describe_field(field: Field) -> dict[str, Any]:
    """Return a field as the describe of its sObject shows it."""
    of_several = field.type == "multipicklist"
    return {
        "aggregatable": field.filterable and field.type not in _NEVER_AGGREGATED,
        "aiPredictionField": False,
        "autoNumber": field.auto_number is not None,
        "byteLength": field.length * (3 if field.traits.is_text and not of_several else 1),
        "calculated": field.calculated,
        "calculatedFormula": None,
        # Of the standard lookups that cascade, only the child relationship says so.
        "cascadeDelete": field.cascade_delete and field.custom,
        "caseSensitive": field.case_sensitive,
        "compoundFieldName": field.compound_field_name,
        "controllerName": None,
        "createable": field.createable,
        "custom": field.custom,
        "defaultValue": field.default_value,
        "defaultValueFormula": None,
        "defaultedOnCreate": field.defaulted_on_create,
        "dependentPicklist": False,
        "deprecatedAndHidden": False,
        "digits": field.digits,
        "displayLocationInDecimal": False,
        "encrypted": False,
        "externalId": field.external_id,
        "extraTypeInfo": field.extra_type_info or _extra_type_info(field),
        "filterable": field.filterable,
        "filteredLookupInfo": None,
        "formulaTreatNullNumberAsZero": False,
        "groupable": field.groupable,
        "highScaleNumber": False,
        "htmlFormatted": field.html_formatted,
        "idLookup": field.is_key,
        "inlineHelpText": None,
        "label": field.label,
        "length": field.length,
        "mask": None,
        "maskType": None,
        "name": field.name,
        "nameField": field.name_field,
        "namePointing": field.is_polymorphic,
        "nillable": field.nillable,
        "permissionable": _is_permissionable(field),
        "picklistValues": [_picklist_value(choice, field) for choice in field.picklist_values],
        "polymorphicForeignKey": field.is_polymorphic,
        "precision": field.precision,
        "queryByDistance": field.is_compound,
        "referenceTargetField": None,
        "referenceTo": list(field.reference_to),
        "relationshipName": field.relationship_name,
        "relationshipOrder": None,
        "restrictedDelete": field.restricted_delete and field.custom,
        "restrictedPicklist": field.restricted_picklist,
        "scale": field.scale,
        "searchPrefilterable": (
            field.type == "reference" and field.createable and not field.defaulted_on_create
        ),
        "soapType": field.traits.soap_type,
        "sortable": field.sortable,
        "type": field.type,
        "unique": field.unique,
        "updateable": field.updateable,
        "writeRequiresMasterRead": False,
        **field.described,
    }


def _is_permissionable(field: Field) -> bool:
    if field.custom:
        return field.nillable or field.type == "boolean"
    return field.createable and field.nillable


def _extra_type_info(field: Field) -> str | None:
    if field.type != "textarea":
        return None
    return "richtextarea" if field.html_formatted else "plaintextarea"


def _picklist_value(choice: PicklistValue, field: Field) -> dict[str, Any]:
    return {
        "active": choice.active,
        "defaultValue": choice.value == field.default_value,
        "label": choice.label,
        "validFor": None,
        "value": choice.value,
    }


def describe_summary(sobject: SObject, version: str) -> dict[str, Any]:
    """Return what describeGlobal says of an sObject."""
    summary: dict[str, Any] = {
        "activateable": False,
        "associateEntityType": None,
        "associateParentEntity": None,
        "createable": sobject.createable,
        "custom": sobject.custom,
        "customSetting": False,
        "deepCloneable": False,
        "deletable": sobject.deletable,
        "deprecatedAndHidden": False,
        "feedEnabled": not sobject.custom,
        "hasSubtypes": False,
        "isInterface": False,
        "isSubtype": False,
        "keyPrefix": sobject.key_prefix,
        "label": sobject.label,
        "labelPlural": sobject.label_plural,
        "layoutable": True,
        "mergeable": False,
        "mruEnabled": True,
        "name": sobject.name,
        "queryable": True,
        "replicateable": True,
        "retrieveable": True,
        "searchable": sobject.searchable,
        "triggerable": True,
        "undeletable": sobject.deletable,
        "updateable": sobject.updateable,
    }
    for attribute in summary.keys() & sobject.described.keys():
        summary[attribute] = sobject.described[attribute]
    summary["urls"] = _urls(sobject, summary, version)
    return summary


def _urls(sobject: SObject, summary: dict[str, Any], version: str) -> dict[str, str]:
    names = ["rowTemplate", "describe", "sobject", *sobject.described.get("furtherUrls", ())]
    if summary["layoutable"]:
        names += ["compactLayouts", "layouts"]
        if summary["mruEnabled"]:
            names += ["quickActions", "approvalLayouts", "listviews"]
    without = sobject.described.get("noUrls", ())
    url = f"/services/data/v{version}/sobjects/{sobject.name}"
    return {name: f"{url}{_URLS[name]}" for name in names if name not in without}


def describe_sobject(schema: Schema, sobject: SObject, version: str) -> dict[str, Any]:
    """Return the full describe of an sObject."""
    summary = describe_summary(sobject, version)
    described = {
        "actionOverrides": [],
        "childRelationships": _children(schema, sobject),
        "compactLayoutable": summary["layoutable"],
        "defaultImplementation": None,
        "extendedBy": None,
        "extendsInterfaces": None,
        "fields": [describe_field(field) for field in sobject.fields],
        "implementedBy": None,
        "implementsInterfaces": None,
        "listviewable": None,
        "lookupLayoutable": None,
        "namedLayoutInfos": [],
        "networkScopeFieldName": None,
        "recordTypeInfos": _record_types(schema, sobject, summary),
        "searchLayoutable": summary["searchable"],
        "sobjectDescribeOption": "FULL",
        "supportedScopes": _scopes(sobject),
        **summary,
    }
    for attribute in described.keys() & sobject.described.keys():
        if attribute not in {"recordTypeInfos", "supportedScopes"}:
            described[attribute] = sobject.described[attribute]
    return dict(sorted(described.items()))


def _children(schema: Schema, sobject: SObject) -> list[dict[str, Any]]:
    return [
        {
            "cascadeDelete": child.field.cascade_delete,
            "childSObject": child.sobject.name,
            "deprecatedAndHidden": False,
            "field": child.field.name,
            "junctionIdListNames": [],
            "junctionReferenceTo": [],
            "relationshipName": child.field.child_relationship_name,
            "restrictedDelete": child.field.restricted_delete,
        }
        for child in schema.children(sobject)
        if child.field.name != _OF_MERGED
    ]


def _record_types(
    schema: Schema, sobject: SObject, summary: dict[str, Any]
) -> list[dict[str, Any]]:
    """Describe the record types, last the one that stands for having none, which is the default."""
    layouts = summary["urls"].get("layouts")
    if layouts is None or not summary["mruEnabled"]:
        return []
    return [
        {
            "active": it.active,
            "available": it.active,
            "defaultRecordTypeMapping": it is _MASTER,
            "developerName": it.developer_name,
            "master": it is _MASTER,
            "name": it.name,
            "recordTypeId": it.id,
            "urls": {"layout": f"{layouts}/{it.id}"},
        }
        for it in (*schema.record_types(sobject), _MASTER)
    ]


def _scopes(sobject: SObject) -> list[dict[str, str]]:
    plural = sobject.label_plural.lower()
    everything = {"label": f"All {plural}", "name": "everything"}
    if sobject.field("OwnerId") is None:
        return [everything]
    mine = {"label": f"My {plural}", "name": "mine"}
    further = sobject.described.get("supportedScopes", {})
    scopes = [everything, mine, *({"label": label, "name": it} for it, label in further.items())]
    return sorted(scopes, key=lambda scope: _SCOPES.index(scope["name"]))


_NEVER_AGGREGATED: Final = frozenset({"address", "boolean", "location", "multipicklist"})
_OF_MERGED: Final = "MasterRecordId"  # what a merge left behind is nobody's child
_MASTER: Final = RecordType("012000000000000AAA", "Master", "Master", active=True)
# As describe sorts them.
_SCOPES: Final = (
    "delegated",
    "everything",
    "genericteam",
    "mine",
    "queue_owned",
    "scopingRule",
    "team",
    "team_by_role",
    "user_owned",
)
_URLS: Final = {
    "approvalLayouts": "/describe/approvalLayouts",
    "caseArticleSuggestions": "/suggestedArticles",
    "caseRowArticleSuggestions": "/{ID}/suggestedArticles",
    "compactLayouts": "/describe/compactLayouts",
    "describe": "/describe",
    "eventSeriesUpdates": "/{ID}/fromThisEventOnwards",
    "layouts": "/describe/layouts",
    "listviews": "/listviews",
    "namedLayouts": "/describe/namedLayouts/{LayoutName}",
    "passwordUtilities": "/{ID}/password",
    "quickActions": "/quickActions",
    "rowTemplate": "/{ID}",
    "sobject": "",
}
