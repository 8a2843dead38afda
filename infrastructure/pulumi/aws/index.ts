// Written by `python -m dreamnet.handover pulumi infrastructure` from the catalogue.
//
// import.json names 128 of 298 resources; the ids of the others are the cloud's own, and
// come with the flow hand-over, which reads what lives. Then, in this folder:
//
//   npm install && pulumi stack init production
//   pulumi config set aws-native:region REGION
//   pulumi config set secondRegion REGION
//   pulumi up                                            # the providers of further regions
//   pulumi import --file import.json --out resources.ts  # reads what lives and declares it
//
// and `export * from "./resources";` at the end of this file takes them in.

import * as awsNative from "@pulumi/aws-native";
import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();

export const second = new awsNative.Provider("second", { region: config.require("secondRegion") as awsNative.Region });

export const us_east_1 = new awsNative.Provider("us_east_1", { region: "us-east-1" });

export const us_west_2 = new awsNative.Provider("us_west_2", { region: "us-west-2" });
