"""Which services the shop has, and how each may call the others."""

from __future__ import annotations

from demo.mesh.bootstrap import Link

ENTRY = "gateway"

LINKS = (
    Link("gateway", "catalogue", timeout_ms=200, tries=2),
    Link("gateway", "recommendations", timeout_ms=160),
    Link("gateway", "bestsellers", timeout_ms=120),
    Link("gateway", "inventory", timeout_ms=50),
    Link("gateway", "reviews", timeout_ms=40),
    Link("gateway", "cart", timeout_ms=100),
    Link("gateway", "orders", timeout_ms=220),
    Link("recommendations", "profiles", timeout_ms=50),
    Link("catalogue", "pricing", timeout_ms=40, tries=3),
    Link("cart", "pricing", timeout_ms=80, tries=2),
    Link("cart", "promotions", timeout_ms=60),
    Link("orders", "cart", timeout_ms=80),
    Link("orders", "pricing", timeout_ms=80, tries=2),
    Link("orders", "inventory", timeout_ms=80),
    Link("orders", "payments", timeout_ms=60),
    Link("inventory", "warehouse", timeout_ms=45),
    Link("payments", "bank", timeout_ms=150),
)
