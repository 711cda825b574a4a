package pgwire

import (
	"encoding/binary"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgio"
	"github.com/jackc/pgproto3/v2"

	"github.com/freshetdb/freshet/server/session"
	"github.com/freshetdb/freshet/sql/sqlerr"
)

// Codes in place of a version in a start-up packet.
const (
	codeCancel    = 80877102
	codeSSL       = 80877103
	codeGSS       = 80877104
	protocolMajor = 3
	protocolMinor = 0
)

// extensionPrefix begins parameters that are protocol extensions; we know none.
const extensionPrefix = "_pq_."

// encryptionTries is how often a client may ask for TLS or GSS before it must start.
const encryptionTries = 2

// startup brings a connection to its first ReadyForQuery. Errors end the connection.
func (c *conn) startup() error {
	c.net.SetReadDeadline(time.Now().Add(c.l.opts.StartupTimeout))
	for try := 0; ; try++ {
		body, err := c.in.startup()
		if err != nil {
			return err
		}
		switch code := binary.BigEndian.Uint32(body); code {
		case codeCancel:
			return c.cancelRequest(body[4:])
		case codeSSL, codeGSS:
			if try == encryptionTries {
				return violation("too many requests for encryption")
			}
			// Refused: without certificates there is nothing to offer. Bytes sent ahead would be an attack on the client.
			if c.in.buffered() {
				return violation("received unencrypted data after an encryption request")
			}
			c.out = append(c.out, 'N')
		default:
			return c.session(code, body[4:])
		}
	}
}

// cancelRequest ends another session's statement and never answers.
func (c *conn) cancelRequest(body []byte) error {
	s := scanner{b: body}
	key := session.Key{ID: s.uint32(), Secret: s.uint32()}
	if s.end("cancel request") == nil {
		c.l.sessions.Cancel(key)
	}
	return errGone
}

// session reads a start-up packet of a version and opens the session.
func (c *conn) session(version uint32, body []byte) error {
	if major := version >> 16; major != protocolMajor {
		return sqlerr.Newf(sqlerr.FeatureNotSupported, 0, "unsupported frontend protocol %d.%d: server supports 3.0",
			major, version&0xffff).WithHint("this is the Postgres endpoint; Kafka clients and browsers have ports of their own")
	}
	parameters, extensions, err := decodeParameters(body)
	if err != nil {
		return err
	}
	if version&0xffff > protocolMinor || len(extensions) > 0 {
		c.negotiate(extensions)
	}
	id := session.Identity{User: parameters["user"], Database: parameters["database"], Application: parameters["application_name"]}
	if id.User == "" {
		return sqlerr.Newf(sqlerr.InvalidAuthorization, 0, "no user name specified in the start-up packet")
	}
	if id.Database == "" {
		id.Database = id.User
	}
	for _, name := range []string{"user", "database"} {
		delete(parameters, name)
	}
	sess, err := c.l.engine.Open(c.ctx, id, parameters)
	if err != nil {
		c.l.metrics.refused.Inc()
		return sqlerr.From(err)
	}
	if err := c.l.sessions.Add(sess); err != nil {
		c.l.metrics.refused.Inc()
		c.l.engine.CloseSession(sess)
		return err
	}
	c.sess = sess
	c.in.limit = c.l.opts.MaxMessageBytes
	c.net.SetReadDeadline(time.Time{})
	c.put(&pgproto3.AuthenticationOk{})
	for _, p := range sess.TakeReports() {
		c.put(&pgproto3.ParameterStatus{Name: p.Name, Value: p.Value})
	}
	key := sess.Key()
	c.put(&pgproto3.BackendKeyData{ProcessID: key.ID, SecretKey: key.Secret})
	c.ready()
	return nil
}

// decodeParameters reads the name and value pairs of a start-up packet.
func decodeParameters(body []byte) (parameters map[string]string, extensions []string, err error) {
	parameters = map[string]string{}
	s := scanner{b: body}
	for {
		name := s.text()
		if s.bad {
			return nil, nil, violation("invalid start-up packet layout: expected terminator as last byte")
		}
		if name == "" {
			break
		}
		value := s.text()
		if strings.HasPrefix(name, extensionPrefix) {
			extensions = append(extensions, name)
			continue
		}
		parameters[name] = value
		if err := errors.Join(utf8Text(name), utf8Text(value)); err != nil {
			return nil, nil, err
		}
	}
	return parameters, extensions, s.end("start-up")
}

// negotiate offers 3.0 to a client that wants more (NegotiateProtocolVersion, which pgproto3 v2 lacks).
func (c *conn) negotiate(extensions []string) {
	body := pgio.AppendUint32(nil, protocolMinor)
	body = pgio.AppendUint32(body, uint32(len(extensions)))
	for _, name := range extensions {
		body = append(append(body, name...), 0)
	}
	c.out = pgio.AppendUint32(append(c.out, 'v'), uint32(len(body))+4)
	c.out = append(c.out, body...)
}
