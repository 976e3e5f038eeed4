package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"time"
)

// profileFlags let an operator look into a running process. Off by default;
// the address should stay on loopback, since profiles show command lines.
type profileFlags struct {
	Profile string `help:"Serve Go profiles on this address, for example 127.0.0.1:6060." placeholder:"HOST:PORT"`
}

// serve starts the listener where one is asked for; it ends with ctx.
func (f *profileFlags) serve(ctx context.Context) error {
	if f.Profile == "" {
		return nil
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", f.Profile)
	if err != nil {
		return fmt.Errorf("cannot serve profiles on %s: %w", f.Profile, err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	s := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	context.AfterFunc(ctx, func() { _ = s.Close() })
	go func() { _ = s.Serve(l) }()
	return nil
}
