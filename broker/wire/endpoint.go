package wire

import (
	"context"
	"crypto/tls"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/freshetdb/freshet/broker/auth"
)

// Names of listeners, as Kafka's security protocols.
const (
	NamePlaintext     = "PLAINTEXT"
	NameSSL           = "SSL"
	NameSASLPlaintext = "SASL_PLAINTEXT"
	NameSASLSSL       = "SASL_SSL"
)

// Endpoint is what a listener asks of its clients and tells them of itself. The zero Endpoint asks nothing.
type Endpoint struct {
	// Name tells endpoints apart: clients of one are told addresses of brokers on that one.
	Name string
	// TLS, when set, is spoken from the first byte. Clients that show a certificate it trusts are the principal "User:" and the
	// certificate's subject.
	TLS *tls.Config
	// SASL, when set, is how clients must authenticate before anything else; it also is who they are then.
	SASL *auth.Credentials
	// MaxReauth tells how long a SASL authentication holds (0: for ever); nil is for ever. See KIP-368.
	MaxReauth func() time.Duration
	// AdvertisedHost and AdvertisedPort are told to clients; "" stands for the address each of them reached.
	AdvertisedHost string
	AdvertisedPort int32
}

// secure does the TLS handshake and finds out who shows a certificate.
func (c *Conn) secure(ctx context.Context) error {
	conn, ok := c.nc.(*tls.Conn)
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.l.opts.AuthTimeout)
	defer cancel()
	if err := conn.HandshakeContext(ctx); err != nil {
		if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
			return refusef("this is a TLS Kafka port, but the client doesn't speak TLS")
		}
		var network net.Error
		if errors.As(err, &network) && !network.Timeout() || errors.Is(err, net.ErrClosed) {
			return err
		}
		return refusef("TLS handshake: %w", err)
	}
	if chain := conn.ConnectionState().VerifiedChains; len(chain) > 0 {
		subject, err := subjectName(chain[0][0].RawSubject)
		if err != nil {
			return refusef("certificate's subject: %w", err)
		}
		c.caller.Principal = auth.Principal{Type: auth.TypeUser, Name: subject}
	}
	return nil
}

// subjectName spells a distinguished name as RFC 2253 does, the last part first: "CN=alice,O=Shop".
func subjectName(raw []byte) (string, error) {
	var name pkix.RDNSequence
	rest, err := asn1.Unmarshal(raw, &name)
	if err != nil || len(rest) != 0 {
		return "", fmt.Errorf("not a distinguished name: %w", err)
	}
	return name.String(), nil
}

// Endpoint is what the client's listener is; not to be changed.
func (c *Conn) Endpoint() *Endpoint { return c.endpoint }

// Caller is who the client is and where: Anonymous unless it authenticated.
func (c *Conn) Caller() auth.Caller { return c.caller }

// Principal is who the client is.
func (c *Conn) Principal() auth.Principal { return c.caller.Principal }

// The APIs that are served before a client has authenticated.
const (
	saslHandshakeKey    = 17
	saslAuthenticateKey = 36
)

// saslTokensVersion is the SaslHandshake whose messages of the mechanism follow as bare frames without a request around them.
const saslTokensVersion = 0

// Handshake begins a SASL authentication; version is SaslHandshake's. Only its handler may call it, on the connection's reader. Errors: those
// of auth.Session; on a listener without SASL auth.ErrIllegalState.
func (c *Conn) Handshake(mechanism string, version int16) error {
	if c.session == nil {
		return auth.ErrIllegalState
	}
	if err := c.session.Handshake(mechanism); err != nil {
		return err
	}
	c.bareTokens = version == saslTokensVersion
	return nil
}

// Authenticate takes the client's next message of the mechanism and gives the answer, and how long the authentication holds once it is done (0:
// for ever). Only the handler of SaslAuthenticate may call it, on the connection's reader.
func (c *Conn) Authenticate(message []byte) (answer []byte, lifetime time.Duration, err error) {
	if c.session == nil {
		return nil, 0, auth.ErrIllegalState
	}
	before := c.session.Done()
	answer, lifetime, err = c.session.Authenticate(message, time.Now())
	switch {
	case errors.Is(err, auth.ErrIllegalState):
	case err != nil:
		c.l.metrics.authFailed.Inc()
	case c.session.Done() && !before:
		c.caller.Principal = c.session.Principal()
		c.log = c.log.With("principal", c.caller.Principal.String())
	}
	c.bareTokens = c.bareTokens && c.session.Pending()
	return answer, lifetime, err
}

// authenticating tells whether the client has still to say who it is.
func (c *Conn) authenticating() bool { return c.session != nil && !c.session.Done() }

// admit refuses requests of clients that have not authenticated, or not anew in time.
func (c *Conn) admit(key int16) error {
	if c.session == nil || key == apiVersionsKey || key == saslHandshakeKey || key == saslAuthenticateKey {
		return nil
	}
	if !c.session.Done() {
		return refusef("API key %d before the client has authenticated", key)
	}
	if c.session.Expired(time.Now()) {
		return refusef("API key %d: %w", key, auth.ErrExpired)
	}
	return nil
}

// token serves a bare frame: a message of the mechanism, answered by one.
func (c *Conn) token(ctx context.Context, frame []byte, buffer *Buffer) {
	req := &Request{Conn: c, Key: saslAuthenticateKey, Received: time.Now(), buffer: buffer, api: c.l.metrics.apis[saslAuthenticateKey]}
	c.enqueue(req)
	answer, _, err := c.Authenticate(frame)
	if err != nil {
		c.failDelay(ctx)
		req.Abort(err)
		return
	}
	f := newFrame(0, false)
	f.Bytes = append(f.Bytes[:sizeBytes], answer...)
	f.finish()
	c.answer(req, f)
}

// failDelay makes guessing passwords slow.
func (c *Conn) failDelay(ctx context.Context) {
	timer := time.NewTimer(c.l.opts.AuthFailDelay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// authDeadline is when a client that has not authenticated is given up.
func (c *Conn) authDeadline(at time.Time) time.Time {
	if limit := c.opened.Add(c.l.opts.AuthTimeout); c.authenticating() && limit.Before(at) {
		return limit
	}
	return at
}

// errAuthSlow names the reason of such an end.
var errAuthSlow = errors.New("client did not authenticate in time")

// slow turns the end of authDeadline into its reason.
func (c *Conn) slow(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) && c.authenticating() {
		return &refusedError{cause: errAuthSlow}
	}
	return err
}
