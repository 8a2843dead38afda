"""Reading provider schemas out of generated bindings, on a piece of the form that they have."""

from __future__ import annotations

from dreamnet.handover.harvest import attributes, plain

BINDINGS = """
function thingRuleToHclTerraform(struct) {
    const attrs = {
        port: {
            value: cdktn.numberToHclTerraform(struct.port),
            isBlock: false,
            type: "simple",
            storageClassType: "number",
        },
    };
}
class ThingRuleOutputReference extends cdktn.ComplexObject {
    // port - computed: false, optional: true, required: false
    get port() {
        return this.getNumberAttribute('port');
    }
}
class ThingStateOutputReference extends cdktn.ComplexObject {
    // address - computed: true, optional: false, required: false
    get address() {
        return this.getStringAttribute('address');
    }
}
class Thing extends cdktn.TerraformResource {
    static tfResourceType = "google_thing";
    // labels - computed: false, optional: true, required: false
    get labels() {
        return this.getStringMapAttribute('labels');
    }
    // name - computed: false, optional: false, required: true
    get name() {
        return this.getStringAttribute('name');
    }
    // numbers - computed: false, optional: true, required: false
    get numbers() {
        return this.interpolationForAttribute('numbers');
    }
    // state - computed: true, optional: false, required: false
    _state = new ThingStateList(this, "state", false);
    // rule - computed: false, optional: true, required: false
    _rule = new ThingRuleList(this, "rule", false);
    // once - computed: false, optional: false, required: true
    _once = new structs0_1.ThingRuleOutputReference(this, "once");
    // setting - computed: false, optional: true, required: false
    _setting = new ThingRuleOutputReference(this, "setting");
    synthesizeHclAttributes() {
        const attrs = {
            numbers: {
                value: cdktn.listMapperHcl(cdktn.numberToHclTerraform, false)(this._numbers),
                isBlock: false,
                type: "list",
                storageClassType: "numberList",
            },
            rule: {
                value: cdktn.listMapperHcl(thingRuleToHclTerraform, true)(this._rule.internalValue),
                isBlock: true,
                type: "list",
                storageClassType: "ThingRuleList",
            },
            once: {
                value: thingRuleToHclTerraform(this._once.internalValue),
                isBlock: true,
                type: "list",
                storageClassType: "ThingRuleList",
            },
            setting: {
                value: thingRuleToHclTerraform(this._setting.internalValue),
                isBlock: true,
                type: "struct",
                storageClassType: "ThingRule",
            },
        };
    }
}
"""


def test_attributes_with_kind_flag_and_what_is_inside() -> None:
    assert attributes(BINDINGS) == {
        "labels": "map string",
        "name": "string required",
        "numbers": "numbers",
        "state": ["objects computed", {"address": "string computed"}],
        "rule": ["block", {"port": "number"}],
        "once": ["block1 required", {"port": "number"}],
        "setting": ["object", {"port": "number"}],
    }


def test_spellings_of_one_name_meet() -> None:
    assert plain("DestinationIpv6CidrBlock") == plain("destination_ipv_6_cidr_block")
