//go:build !linux

package heap

func advise([]byte) error { return nil }
