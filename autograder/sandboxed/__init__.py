"""Everything that runs on the student's side of the wall: the only folder of ours that is mounted there."""
