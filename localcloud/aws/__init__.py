"""The local AWS: one endpoint for every service that boto3 and the aws command line speak to.

Cloud Control is ours, generic over the published resource schemas; the services behind it are moto's, with
real engines where a thing must really run (EKS, RDS, ElastiCache, Lambda). What is missing answers
`NotInRehearsal`.
"""
