"""Gateway API: Gateways and HTTPRoutes; a real Caddy routes requests to the Services' ready endpoints."""
