"""Design, verify and lay out distributed-feedback lasers in solution-processed films."""
