"""The answers of the describe calls, from the schema."""

from __future__ import annotations

from typing import Any

from .fields import Field, PicklistValue
from .sobjects import Schema, SObject


def describe_field(field: Field) -> dict[str, Any]:
    """Return a field as the describe of its sObject shows it."""
    return {
        "aggregatable": field.filterable and field.type not in {"boolean", "address"},
        "aiPredictionField": False,
        "autoNumber": field.auto_number is not None,
        "byteLength": field.length * (3 if field.traits.is_text else 1),
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
        "groupable": (
            field.traits.groupable and not field.is_long_text and field.auto_number is None
        ),
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
        "permissionable": field.createable and field.nillable,
        "picklistValues": [_picklist_value(choice, field) for choice in field.picklist_values],
        "polymorphicForeignKey": field.is_polymorphic,
        "precision": field.precision,
        "queryByDistance": field.type == "address",
        "referenceTargetField": None,
        "referenceTo": list(field.reference_to),
        "relationshipName": field.relationship_name,
        "relationshipOrder": None,
        "restrictedDelete": False,
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
    }


def _extra_type_info(field: Field) -> str | None:
    if field.type != "textarea":
        return None
    return "richtextarea" if field.html_formatted else "plaintextarea"


def _picklist_value(choice: PicklistValue, field: Field) -> dict[str, Any]:
    return {
        "active": True,
        "defaultValue": choice.value == field.default_value,
        "label": choice.value,
        "validFor": None,
        "value": choice.value,
    }


def describe_summary(sobject: SObject, version: str) -> dict[str, Any]:
    """Return what describeGlobal says of an sObject."""
    url = f"/services/data/v{version}/sobjects/{sobject.name}"
    return {
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
        "mergeable": sobject.name in {"Account", "Case", "Contact", "Lead"},
        "mruEnabled": True,
        "name": sobject.name,
        "queryable": True,
        "replicateable": True,
        "retrieveable": True,
        "searchable": sobject.searchable,
        "triggerable": True,
        "undeletable": sobject.deletable,
        "updateable": sobject.updateable,
        "urls": {
            "rowTemplate": f"{url}/{{ID}}",
            "describe": f"{url}/describe",
            "sobject": url,
        },
    }


def describe_sobject(schema: Schema, sobject: SObject, version: str) -> dict[str, Any]:
    """Return the full describe of an sObject."""
    children: list[dict[str, Any]] = [
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
    ]
    described = {
        "actionOverrides": [],
        "childRelationships": children,
        "compactLayoutable": True,
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
        "recordTypeInfos": [],
        "searchLayoutable": True,
        "sobjectDescribeOption": "FULL",
        "supportedScopes": [
            {"label": f"All {sobject.label_plural.lower()}", "name": "everything"},
            {"label": f"My {sobject.label_plural.lower()}", "name": "mine"},
        ],
        **describe_summary(sobject, version),
    }
    return dict(sorted(described.items()))
