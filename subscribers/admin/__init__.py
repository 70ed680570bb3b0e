from subscribers.admin import lists, subscribers

__all__ = ["lists", "subscribers"]
