// Written by `python -m dreamnet.handover pulumi infrastructure` from the catalogue.
//
// import.json names 224 of 261 resources; the ids of the others are the cloud's own, and
// come with the flow hand-over, which reads what lives. Then, in this folder:
//
//   npm install && pulumi stack init production
//   pulumi config set gcp:project PROJECT
//   pulumi config set gcp:region REGION
//   pulumi up                                            # the providers of further regions
//   pulumi import --file import.json --out resources.ts  # reads what lives and declares it
//
// and `export * from "./resources";` at the end of this file takes them in.

export {};
