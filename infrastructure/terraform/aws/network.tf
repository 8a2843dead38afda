# Written by `python -m dreamnet.handover terraform infrastructure` from the catalogue; changes here
# are lost at the next run.

# aws/subnet-private-c
resource "awscc_ec2_subnet" "subnet_private_c" {
  vpc_id            = module.first.vpc_vpc_id
  availability_zone = "${var.aws_region}c"
  cidr_block        = "10.30.64.0/20"

  tags = [
    { key = "dreamnet-id", value = "aws/subnet-private-c" },
    { key = "kubernetes.io/role/internal-elb", value = "1" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}

# aws/route-subnet-private-c
resource "awscc_ec2_subnet_route_table_association" "route_subnet_private_c" {
  route_table_id = module.first.route_table_private_route_table_id
  subnet_id      = awscc_ec2_subnet.subnet_private_c.subnet_id
}

# aws/warehouse-security-group
resource "awscc_ec2_security_group" "warehouse_security_group" {
  group_name        = "dreamnet-warehouse"
  group_description = "Redshift from inside the network"
  vpc_id            = module.first.vpc_vpc_id

  security_group_ingress = [
    {
      description = "Redshift"
      ip_protocol = "tcp"
      from_port   = 5439
      to_port     = 5439
      cidr_ip     = "10.30.0.0/16"
    },
  ]

  tags = [
    { key = "dreamnet-id", value = "aws/warehouse-security-group" },
    { key = "managed-by", value = "dreamnet-gameplan" },
  ]
}
