from papers.admin import lookups, records

__all__ = ["lookups", "records"]
