"""What it costs: `estimate` before, `billing` after, `report` for credits, table and chart."""
