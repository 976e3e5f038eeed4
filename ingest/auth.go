package ingest

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"strings"

	"github.com/gofiber/fiber/v2"

	"errata/ingest/credential"
	"errata/ingest/directory"
	"errata/ingest/intake"
	"errata/ingest/peer"
	"errata/schema"
)

// admit finds the project of a key and checks that the request may use it. cred
// has no part of the request's buffers.
// pathProject is empty where the path names none.
func (s *Server) admit(c *fiber.Ctx, cred credential.Credential, pathProject string) (*intake.Request, error) {
	var id uint32
	if pathProject != "" {
		var err error
		if id, err = credential.ProjectID(pathProject); err != nil {
			return nil, err
		}
	}
	// Not the request's own context: its end is that of the server, and it is read
	// after the request is over by what derives from it.
	entry, err := s.directory.ByKey(context.Background(), cred.Key)
	if err != nil {
		c.Locals(projectLocal, turnedOff(err))
		return nil, lookupError(err)
	}
	c.Locals(projectLocal, entry.Project)
	if id != 0 && id != entry.Project.ID {
		return nil, credential.Rejected("ProjectId", "the key belongs to another project")
	}
	req := s.request(c)
	req.Key, req.Project, req.KeySettings = cred.Key, entry.Project, entry.Settings
	req.Client = cred.Client
	if !credential.OriginAllowed(entry.Project.Settings.AllowedOrigins, req.Origin) {
		return nil, credential.Rejected("Cors", "the origin is not among the project's allowed_origins")
	}
	return req, nil
}

func lookupError(err error) error {
	if errors.Is(err, directory.ErrNotLoaded) {
		return intake.Refuse(http.StatusServiceUnavailable, "project configuration is not there yet", "no_projects", "projects are read from ClickHouse; try again in a moment")
	}
	refusal := credential.Rejected("ProjectId", "there is no such project or key, or it is disabled")
	if off, ok := errors.AsType[*directory.Disabled](err); ok {
		refusal.Reason = "disabled_project"
		if off.Key {
			refusal.Reason = "disabled_key"
		}
	}
	return refusal
}

// turnedOff is the project that is told of a request whose key is disabled, or is
// disabled itself; nil where the key is nobody's.
func turnedOff(err error) *intake.Project {
	if off, ok := errors.AsType[*directory.Disabled](err); ok {
		return &intake.Project{Project: schema.Project{ID: off.Project}}
	}
	return nil
}

// clientIP is the peer's address, or the first one that a trusted proxy names.
func (s *Server) clientIP(c *fiber.Ctx) string {
	if s.cfg.TrustForwarded {
		if f := c.Get(fiber.HeaderXForwardedFor); f != "" {
			first, _, _ := strings.Cut(f, ",")
			first = strings.TrimSpace(first)
			if a, err := netip.ParseAddr(strings.Trim(first, "[]")); err == nil {
				return a.Unmap().String()
			}
			if a, err := netip.ParseAddrPort(first); err == nil { // As some proxies write it.
				return a.Addr().Unmap().String()
			}
		}
	}
	return peer.IP(c.Context().Conn())
}

func cutText(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}
