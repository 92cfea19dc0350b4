"""What the cloud itself says of a network: to a host of the VPC by its metadata, to an account by the API.

Everything here only reads. Nothing is asked that the plan or the command line does not ask for.
"""
