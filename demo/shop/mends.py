"""Which weaknesses the shop can be started without, by their names in `demo/ground_truth.py`.

What is mended does without the call that it was weak at, so that a fault there does nothing any more.
"""

NO_REVIEWS = "No reviews, no page"
"""Mended, the product page leaves the reviews to the browser."""

CART_FOR_NOTHING = "A cart for nothing"
"""Mended, the price that pricing quotes to the cart has the promotion in it."""

MENDABLE = (NO_REVIEWS, CART_FOR_NOTHING)
