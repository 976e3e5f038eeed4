//go:build !linux

package timers

import "time"

// Late does nothing on this system.
func Late(time.Duration) error { return nil }
