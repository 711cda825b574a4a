package broker

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/freshetdb/freshet/broker/auth"
	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/wire"
)

// SecureListener is where clients are asked who they are, or speak TLS, or both. The broker closes its sockets.
type SecureListener struct {
	// Name is Kafka's security protocol: SSL, SASL_PLAINTEXT or SASL_SSL.
	Name string
	// Sockets are listened on already.
	Sockets []net.Listener
	// TLS is needed by SSL and SASL_SSL.
	TLS *tls.Config
	// Advertised is the address clients of this listener are told, "" for the one each of them reached.
	Advertised string
}

// Admin is a user that exists from the start and may do everything. Without a name there is none.
type Admin struct{ Name, Password string }

// adminIterations are those of the admin's credentials.
const adminIterations = auth.IterationsMin * 2

// access is who may do what, and how they prove who they are.
type access struct {
	credentials *auth.Credentials
	authorizer  *auth.Authorizer
}

// openAccess reads the rules' policy and makes the admin's credentials.
func (b *Broker) openAccess(ctx context.Context) error {
	configs := b.configs(b.quorum.Image())
	supers, err := auth.ParsePrincipals(configs.Text(metadata.ConfigSuperUsers))
	if err != nil {
		return fmt.Errorf("broker config %s: %w", metadata.ConfigSuperUsers, err)
	}
	if b.opts.Admin.Name != "" {
		supers = append(supers, auth.Principal{Type: auth.TypeUser, Name: b.opts.Admin.Name})
		if err := b.makeAdmin(ctx); err != nil {
			return fmt.Errorf("make the user %q: %w", b.opts.Admin.Name, err)
		}
	}
	policy := auth.Policy{
		SuperUsers: supers, AllowWithoutACL: configs.Bool(metadata.ConfigAllowWithoutACL),
		Audit: b.log.With("component", "authorizer"), AuditAllowed: b.log.Enabled(ctx, slog.LevelDebug),
	}
	mechanisms := metadata.SplitList(configs.Text(metadata.ConfigMechanisms))
	b.access = access{credentials: auth.NewCredentials(b.quorum.Image, mechanisms...), authorizer: auth.NewAuthorizer(policy, b.quorum.Image)}
	return nil
}

// makeAdmin sets the admin's credentials unless they fit the password already.
func (b *Broker) makeAdmin(ctx context.Context) error {
	admin := b.opts.Admin
	var records []metadata.Record
	for _, m := range []metadata.ScramMechanism{metadata.ScramSHA256, metadata.ScramSHA512} {
		key := metadata.ScramKey{User: admin.Name, Mechanism: m}
		if known, ok := b.quorum.Image().Scram(key); ok && auth.Fits(m, known, admin.Password) {
			continue
		}
		credential, err := auth.NewCredential(m, admin.Password, adminIterations)
		if err != nil {
			return err
		}
		records = append(records, metadata.ScramRecord{Key: key, Credential: credential})
	}
	if len(records) == 0 {
		return nil
	}
	_, err := b.quorum.Change(ctx, func(*metadata.Image) ([]metadata.Record, error) { return records, nil })
	return err
}

// checkListeners tells whether the listeners can be served.
func checkListeners(o *Options) error {
	if _, _, err := parseAddress(o.Advertised); err != nil {
		return fmt.Errorf("advertised address: %w", err)
	}
	for _, l := range o.Secure {
		needsTLS := l.Name == wire.NameSSL || l.Name == wire.NameSASLSSL
		switch {
		case !needsTLS && l.Name != wire.NameSASLPlaintext:
			return fmt.Errorf("there is no listener called %q, but %s, %s and %s", l.Name, wire.NameSSL, wire.NameSASLPlaintext, wire.NameSASLSSL)
		case needsTLS != (l.TLS != nil):
			return fmt.Errorf("listener %s: a certificate is needed for TLS, and for nothing else", l.Name)
		}
		if _, _, err := parseAddress(l.Advertised); err != nil {
			return fmt.Errorf("listener %s: advertised address: %w", l.Name, err)
		}
	}
	return nil
}

// parseAddress takes HOST:PORT apart; "" is neither.
func parseAddress(addr string) (string, int32, error) {
	if addr == "" {
		return "", 0, nil
	}
	host, text, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, err
	}
	port, err := strconv.ParseUint(text, 10, 16)
	return host, int32(port), err
}

// newEndpoint makes an endpoint that asks nothing; its address was checked.
func newEndpoint(name, addr string) *wire.Endpoint {
	host, port, _ := parseAddress(addr) // checkListeners did
	return &wire.Endpoint{Name: name, AdvertisedHost: host, AdvertisedPort: port}
}

// socket is one socket and what its clients are asked.
type socket struct {
	net.Listener
	endpoint *wire.Endpoint
}

// sockets lists all sockets, those that ask nothing first.
func (b *Broker) sockets() []socket {
	var out []socket
	plain := newEndpoint(wire.NamePlaintext, b.opts.Advertised)
	for _, ln := range b.listeners {
		out = append(out, socket{ln, plain})
	}
	for _, l := range b.opts.Secure {
		endpoint := newEndpoint(l.Name, l.Advertised)
		endpoint.TLS = l.TLS
		if l.Name != wire.NameSSL {
			endpoint.SASL = b.access.credentials
			endpoint.MaxReauth = b.maxReauth
		}
		for _, ln := range l.Sockets {
			out = append(out, socket{ln, endpoint})
		}
	}
	return out
}

// maxReauth is how long a SASL authentication holds.
func (b *Broker) maxReauth() time.Duration {
	return b.configs(b.quorum.Image()).Millis(metadata.ConfigReauthMs)
}

// endpoints are where other brokers and clients find this one.
func (b *Broker) endpoints() []metadata.Endpoint {
	var out []metadata.Endpoint
	for _, s := range b.sockets() {
		if addr, ok := s.Addr().(*net.TCPAddr); ok {
			out = append(out, metadata.Endpoint{Listener: s.endpoint.Name, Host: addr.IP.String(), Port: uint16(addr.Port)})
		}
	}
	return out
}

// advertisedListeners is Kafka's config of that name: what clients are told where it isn't the address they reached.
func (b *Broker) advertisedListeners() string {
	var out []string
	for _, s := range b.sockets() {
		if e := s.endpoint; e.AdvertisedHost != "" {
			out = append(out, e.Name+"://"+net.JoinHostPort(e.AdvertisedHost, strconv.Itoa(int(e.AdvertisedPort))))
		}
	}
	return strings.Join(slices.Compact(out), ",")
}

// serveSockets serves all sockets until ctx ends.
func (b *Broker) serveSockets(ctx context.Context, listener *wire.Listener) {
	for _, s := range b.sockets() {
		b.serving.Go(func() {
			if err := listener.ServeEndpoint(ctx, s.Listener, s.endpoint); err != nil {
				b.log.Error("listener ended", "addr", s.Addr().String(), "err", err)
				select {
				case b.backgroundErr <- err:
				default:
				}
			}
		})
	}
}

// closeSockets closes all sockets; those that were served are closed already.
func (b *Broker) closeSockets() {
	for _, s := range b.sockets() {
		_ = s.Close()
	}
}
