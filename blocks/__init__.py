"""What the operator fills in: accounts, source database, budget, and the profile that names them together."""

from blocks.budget import Budget
from blocks.clouds import AmazonCloud, GoogleCloud
from blocks.database import PostgresDatabase
from blocks.profile import GameplanProfile

__all__ = ["AmazonCloud", "Budget", "GameplanProfile", "GoogleCloud", "PostgresDatabase"]
