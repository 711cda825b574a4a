package broker

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// hostileRounds is how many made-up requests every API gets at every version.
const hostileRounds = 3

// TestHostileRequests sends every API, at every version it is served at, requests of made-up values: each is answered or its connection
// closed, at once, the answers obey the same rules as those to good requests, and the broker goes on serving.
func TestHostileRequests(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	b := startBroker(t, func(o *Options) { o.Configs = map[string]string{"group.initial.rebalance.delay.ms": "0"} })
	cl := connect(t, b)
	createTopic(t, cl, "asked", 2)
	m := &maker{rng: rand.New(rand.NewPCG(seed, 1)), topic: b.quorum.Image().Topic("asked").ID}
	served := kmsg.NewPtrApiVersionsRequest()
	served.ClientSoftwareName, served.ClientSoftwareVersion = "maker", "1.0"
	versions, err := served.RequestWith(short(t), cl)
	if err != nil {
		t.Fatal(err)
	}
	var conn *hostileConn
	asked, closed := 0, 0
	for _, api := range versions.ApiKeys {
		for version := max(api.MinVersion, lowestServed[api.ApiKey]); version <= api.MaxVersion; version++ {
			for range hostileRounds {
				if conn == nil {
					conn = dialHostile(t, b.Addr())
				}
				req := kmsg.RequestForKey(api.ApiKey)
				m.fill(reflect.ValueOf(req).Elem(), 0)
				tame(req)
				req.SetVersion(version)
				asked++
				if !conn.ask(t, req) {
					conn.Close()
					conn = nil
					closed++
				}
			}
		}
	}
	if conn != nil {
		conn.Close()
	}
	t.Logf("%d requests, %d closed their connection", asked, closed)
	createTopic(t, cl, "after", 1)
	produceAll(t, cl, "after", "still here")
}

// tame keeps a request from having no answer or a late one by right.
func tame(req kmsg.Request) {
	switch r := req.(type) {
	case *kmsg.ProduceRequest:
		if r.Acks == 0 {
			r.Acks = 1
		}
	case *kmsg.JoinGroupRequest: // a member that stays would keep others of its group waiting
		r.SessionTimeoutMillis = 1
	}
}

type hostileConn struct {
	net.Conn
	in *bufio.Reader
}

func dialHostile(t *testing.T, addr net.Addr) *hostileConn {
	t.Helper()
	var d net.Dialer
	nc, err := d.DialContext(context.Background(), addr.Network(), addr.String())
	if err != nil {
		t.Fatal(err)
	}
	return &hostileConn{nc, bufio.NewReader(nc)}
}

// ask tells whether the request was answered; if not, the connection is over.
func (c *hostileConn) ask(t *testing.T, req kmsg.Request) bool {
	t.Helper()
	name := fmt.Sprintf("%s v%d", kmsg.NameForKey(req.Key()), req.GetVersion())
	c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := c.Write(kmsg.NewRequestFormatter(kmsg.FormatterClientID("maker")).AppendRequest(nil, req, 1)); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	resp := req.ResponseKind()
	resp.SetVersion(req.GetVersion())
	err := readResponse(c.in, resp, req.IsFlexible() && req.Key() != int16(kmsg.ApiVersions))
	var timeout net.Error
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), err != nil && strings.Contains(err.Error(), "reset by peer"):
		return false
	case errors.As(err, &timeout):
		t.Fatalf("%s is neither answered nor refused: %+v", name, req)
	case err != nil:
		t.Errorf("%s: %v", name, err)
		return true
	}
	w := walker{t: t, root: resp, version: req.GetVersion(), echoes: true}
	w.walk(reflect.ValueOf(resp).Elem(), nil, name)
	return true
}

// maker makes up values.
type maker struct {
	rng   *rand.Rand
	topic [16]byte
}

// deepest bounds lists in lists.
const deepest = 6

func (m *maker) fill(v reflect.Value, depth int) {
	for i := range v.NumField() {
		if f := v.Type().Field(i); f.Name != "Version" && f.Name != "UnknownTags" && f.IsExported() {
			m.set(v.Field(i), f.Name, depth)
		}
	}
}

func (m *maker) set(v reflect.Value, name string, depth int) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(m.text())
	case reflect.Bool:
		v.SetBool(m.rng.IntN(2) == 0)
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(m.number(name, v.Type().Bits()))
	case reflect.Uint16, reflect.Uint32:
		v.SetUint(uint64(m.rng.IntN(math.MaxUint16)))
	case reflect.Float64:
		v.SetFloat([]float64{0, -1, 1, math.NaN(), math.Inf(1), 1e300}[m.rng.IntN(6)])
	case reflect.Pointer:
		if m.rng.IntN(3) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			m.set(v.Elem(), name, depth)
		}
	case reflect.Struct:
		m.fill(v, depth+1)
	case reflect.Array:
		m.id(v)
	case reflect.Slice:
		m.list(v, name, depth)
	}
}

func (m *maker) text() string {
	return []string{"", "asked", "a/b", "..", strings.Repeat("x", 300), "\x00\xff", "User:ANONYMOUS", "retention.ms", "asked", "1"}[m.rng.IntN(10)]
}

func (m *maker) number(name string, bits int) int64 {
	if strings.HasSuffix(name, "Millis") || strings.HasSuffix(name, "Bytes") || name == "MaxWaitMillis" {
		return []int64{-1, 0, 1, 10}[m.rng.IntN(4)] // no answer is late by right
	}
	most := int64(1)<<(bits-1) - 1
	return []int64{-1, 0, 1, 2, 7, most, -most - 1, -2}[m.rng.IntN(8)]
}

func (m *maker) id(v reflect.Value) {
	var id [16]byte
	switch m.rng.IntN(3) {
	case 0:
		id = m.topic
	case 1:
		id[3] = byte(m.rng.Uint32())
	}
	reflect.Copy(v, reflect.ValueOf(id))
}

func (m *maker) list(v reflect.Value, name string, depth int) {
	n := m.rng.IntN(4)
	if n == 0 || depth > deepest {
		if m.rng.IntN(2) == 0 {
			v.Set(reflect.MakeSlice(v.Type(), 0, 0))
		}
		return
	}
	if v.Type().Elem().Kind() == reflect.Uint8 {
		bytes := make([]byte, m.rng.IntN(80))
		for i := range bytes {
			bytes[i] = byte(m.rng.Uint32())
		}
		v.SetBytes(bytes)
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), n, n))
	for i := range n {
		m.set(v.Index(i), name, depth+1)
	}
}
