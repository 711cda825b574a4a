// Package handler answers Kafka requests: one file per API key, each checking, calling and translating the answer.
//
// kmsg's zero values are not Kafka's answers (a nil slice is a null on the wire, some enums default to -1): every response is
// made by its New function and completed here, and a test walks them all.
package handler

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/freshetdb/freshet/broker/auth"
	"github.com/freshetdb/freshet/broker/controller"
	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/quota"
	"github.com/freshetdb/freshet/broker/replica"
	"github.com/freshetdb/freshet/broker/wire"
)

// Quorum is what handlers need of broker/quorum.
type Quorum interface {
	// Image is what is agreed now.
	Image() *metadata.Image
	// Change decides, commits and applies; see quorum.Quorum.
	Change(ctx context.Context, decide func(*metadata.Image) ([]metadata.Record, error)) (*metadata.Image, error)
	// Leads tells whether this node decides, and in which term.
	Leads() (term int64, leads bool)
}

// Deps are the parts handlers call.
type Deps struct {
	// NodeID is this broker's number.
	NodeID     int32
	Quorum     Quorum
	Controller *controller.Controller
	Replicas   *replica.Manager
	// StaticConfigs are the broker configs this node was started with.
	StaticConfigs map[string]string
	// DataDir is named by DescribeLogDirs.
	DataDir string
	// DiskUsage gives the bytes of DataDir's volume, and those left; nil where nobody knows.
	DiskUsage func() (total, usable int64, err error)
	// Authorizer decides who may do what; nil lets everybody who isn't authenticated do everything.
	Authorizer *auth.Authorizer
	// Clock is time.Now unless set.
	Clock  func() time.Time
	Logger *slog.Logger
	// FetchSessions is how many fetch sessions are remembered (1000, Kafka's max.incremental.fetch.session.cache.slots); negative for none.
	FetchSessions int
	// FetchBytesMax is the most bytes of records one Fetch answers (55 MiB, Kafka's fetch.max.bytes).
	FetchBytesMax int
	// Quotas bounds what clients use; nil bounds nobody.
	Quotas *quota.Manager

	Coordinators
}

// Handler answers requests. Make one with New.
type Handler struct {
	Deps
	versions *wire.Versions
	sessions *fetchSessions
	audit    *slog.Logger // what callers may and may not
}

// New makes a handler.
func New(deps Deps) *Handler {
	if deps.Clock == nil {
		deps.Clock = time.Now
	}
	if deps.Authorizer == nil {
		deps.Authorizer = auth.NewAuthorizer(auth.Policy{SuperUsers: []auth.Principal{auth.Anonymous}}, func() *metadata.Image { return deps.Quorum.Image() })
	}
	audit := deps.Logger.With("component", "authorizer")
	deps.Logger = deps.Logger.With("component", "handler")
	if deps.FetchSessions == 0 {
		deps.FetchSessions = fetchSessionSlots
	}
	deps.FetchBytesMax = cmp.Or(deps.FetchBytesMax, fetchBytesMax)
	h := &Handler{Deps: deps, audit: audit, sessions: newFetchSessions(deps.FetchSessions, deps.Clock)}
	h.versions = wire.NewVersions(slices.Concat(h.apis(), h.adminAPIs(), h.groupAPIs(), h.transactionAPIs(), h.securityAPIs()))
	return h
}

// Versions is the table for wire.New.
func (h *Handler) Versions() *wire.Versions { return h.versions }

func splitHostPort(addr string) (string, int32, error) {
	host, text, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, err
	}
	port, err := strconv.ParseUint(text, 10, 16)
	return host, int32(port), err
}

// address is what a client on conn shall know this broker by.
func (h *Handler) address(conn *wire.Conn) (host string, port int32) {
	if e := conn.Endpoint(); e.AdvertisedHost != "" {
		return e.AdvertisedHost, e.AdvertisedPort
	}
	host, port, err := splitHostPort(conn.LocalAddr().String())
	if err != nil {
		return conn.LocalAddr().String(), 0 // a pipe of a test
	}
	return host, port
}
