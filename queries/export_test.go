package queries

// WaitFor makes questions wait for so many rows that are not known at most.
func (s *Store) WaitFor(rows uint64) { s.server.Waits = rows }
