"""What a run tells while it trains: metrics, curves, the progress line, and watching it from outside."""
