"""What somebody would rather look at than read: report.html of a run, and runs side by side."""
