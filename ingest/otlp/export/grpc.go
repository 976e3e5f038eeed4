// Package export is OTLP's side towards exporters: the services of gRPC with
// their compressions, and answers and refusals in a request's own encoding. It
// reads no item of a request and knows HTTP statuses by number only.
package export

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/gzip" // Exporters may compress.
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"errata/ingest/intake"
	"errata/ingest/otlp"
)

// Handler is what the edge lends to the gRPC services. Errors that are
// *intake.Error keep their status and sentence; others become Unavailable,
// which exporters retry.
type Handler interface {
	// Authorize finds the project of a call before its body is read. header
	// returns a metadata value, empty where absent; client is the peer's
	// address with port.
	Authorize(ctx context.Context, s otlp.Signal, header func(name string) string, client string) (*intake.Request, error)
	// Take has a body read by adapt, once for each project that it goes to, and
	// makes what is in it durable.
	Take(ctx context.Context, req *intake.Request, adapt otlp.Adapter, body []byte) (*otlp.Partial, error)
	// Refuse counts a call of which the message was not received: it was too
	// large, or cannot be inflated.
	Refuse(req *intake.Request, err error)
	// RetryAfter says how long an exporter shall wait after err; 0 means that
	// nothing is known.
	RetryAfter(err error) time.Duration
}

// NewServer returns a server with the three OTLP services. Messages are bounded
// like HTTP bodies, before and after they are inflated.
func NewServer(h Handler, opts ...grpc.ServerOption) *grpc.Server {
	opts = append([]grpc.ServerOption{
		grpc.MaxRecvMsgSize(otlp.MaxBytes),
		grpc.MaxConcurrentStreams(128),
		grpc.MaxHeaderListSize(16 << 10),
		grpc.ConnectionTimeout(10 * time.Second),
		grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionIdle: 15 * time.Minute, Time: time.Minute, Timeout: 20 * time.Second}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: true}),
		grpc.ForceServerCodecV2(codec{}),
	}, opts...)
	s := grpc.NewServer(opts...)
	for signal, name := range services {
		s.RegisterService(service(signal, name), h)
	}
	return s
}

var services = map[otlp.Signal]string{
	otlp.SignalTraces:  "opentelemetry.proto.collector.trace.v1.TraceService",
	otlp.SignalLogs:    "opentelemetry.proto.collector.logs.v1.LogsService",
	otlp.SignalMetrics: "opentelemetry.proto.collector.metrics.v1.MetricsService",
}

// service describes Export by hand, because the generated services decode the
// message before it could be bounded and before the caller is known.
func service(s otlp.Signal, name string) *grpc.ServiceDesc {
	full := "/" + name + "/Export"
	return &grpc.ServiceDesc{
		ServiceName: name,
		HandlerType: (*Handler)(nil),
		Methods: []grpc.MethodDesc{{
			MethodName: "Export",
			Handler: func(srv any, ctx context.Context, dec func(any) error, between grpc.UnaryServerInterceptor) (any, error) {
				h := srv.(Handler)
				var body frame
				if err := dec(&body); err != nil {
					return nil, unreceived(ctx, h, s, err)
				}
				if between == nil {
					return export(ctx, h, s, body)
				}
				info := &grpc.UnaryServerInfo{Server: srv, FullMethod: full}
				return between(ctx, body, info, func(ctx context.Context, _ any) (any, error) { return export(ctx, h, s, body) })
			},
		}},
	}
}

func export(ctx context.Context, h Handler, s otlp.Signal, body frame) (m proto.Message, err error) {
	defer func() {
		if p := recover(); p != nil {
			// The library would let it end the process.
			slog.Error("OTLP request failed", "signal", s, "panic", p, "stack", string(debug.Stack()))
			m, err = nil, status.Error(codes.Internal, "internal error")
		}
	}()
	req, err := authorize(ctx, h, s)
	if err != nil {
		return nil, refusal(h, err)
	}
	partial, err := h.Take(ctx, req, otlp.Adapt(s), body)
	if err != nil {
		return nil, refusal(h, err)
	}
	return message(s, partial), nil
}

// unreceived counts a call whose message was not received for its caller's
// project. The library has answered already, and has ended the call's context.
func unreceived(ctx context.Context, h Handler, s otlp.Signal, err error) error {
	switch status.Code(err) {
	case codes.ResourceExhausted, codes.InvalidArgument, codes.Internal:
		if req, denied := authorize(context.WithoutCancel(ctx), h, s); denied == nil {
			h.Refuse(req, err)
		}
	}
	return err
}

func authorize(ctx context.Context, h Handler, s otlp.Signal) (*intake.Request, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	header := func(name string) string {
		if v := md.Get(name); len(v) > 0 {
			return v[0]
		}
		return ""
	}
	var client string
	if p, ok := peer.FromContext(ctx); ok && p.Addr != nil {
		client = p.Addr.String()
	}
	return h.Authorize(ctx, s, header, client)
}

func refusal(h Handler, err error) error {
	if s, ok := status.FromError(err); ok {
		return s.Err()
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return status.FromContextError(err).Err()
	}
	var e *intake.Error
	if !errors.As(err, &e) {
		e = &intake.Error{Status: 503, Detail: err.Error()}
	}
	return status.ErrorProto(rpcStatus(e.Status, e.Error(), h.RetryAfter(err)))
}

// frame is a message as it came, after inflation.
type frame []byte

// codec hands over messages of the OTLP services unread and treats all others,
// such as those of a health service, as protobuf.
type codec struct{}

var _ encoding.CodecV2 = codec{}

func (codec) Name() string { return "proto" }

func (codec) Marshal(v any) (mem.BufferSlice, error) {
	m, ok := v.(proto.Message)
	if !ok {
		return nil, status.Error(codes.Internal, fmt.Sprintf("cannot encode %T", v))
	}
	b, err := proto.Marshal(m)
	if err != nil {
		return nil, err
	}
	return mem.BufferSlice{mem.SliceBuffer(b)}, nil
}

func (codec) Unmarshal(data mem.BufferSlice, v any) error {
	switch x := v.(type) {
	case *frame:
		*x = data.Materialize()
		return nil
	case proto.Message:
		return proto.Unmarshal(data.Materialize(), x)
	}
	return status.Error(codes.Internal, fmt.Sprintf("cannot decode into %T", v))
}
