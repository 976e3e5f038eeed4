//go:build !linux

package broker

import (
	"math"
	"os"
)

// Elsewhere nothing is taken and nobody looks.
func reserve(*os.File, int64, int64) error { return nil }

func writable(string) error { return nil }

func freeBytes(string) (int64, error) { return math.MaxInt64, nil }
