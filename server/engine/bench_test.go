package engine

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
	"github.com/freshetdb/freshet/storage/vfs"
)

// BenchmarkPoint is a prepared look-up by key without the wire: Bind and the run of its result.
func BenchmarkPoint(b *testing.B) {
	n := startNode(b, vfs.NewMem())
	defer n.stop(b)
	sess := n.open(b, "freshet")
	defer n.engine.CloseSession(sess)
	setup := "CREATE TABLE t (k BIGINT PRIMARY KEY, v VARCHAR) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON', PARTITIONS=1); INSERT INTO t VALUES "
	for i := range 1000 {
		setup += "(" + strconv.Itoa(i) + ", 'value " + strconv.Itoa(i) + "'),"
	}
	if out := n.run(sess, strings.TrimSuffix(setup, ",")+"; SELECT COUNT(*) FROM t", 1); !strings.Contains(out, "1000\nSELECT 1") {
		b.Fatal(out)
	}
	ctx := context.Background()
	p, err := n.engine.Prepare(ctx, sess, "q", "SELECT k, v FROM t WHERE k = $1", nil)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		r, err := n.engine.Bind(ctx, sess, p, []vector.Datum{{Type: types.Of(types.BigInt), I: int64(i % 1000)}})
		if err != nil {
			b.Fatal(err)
		}
		rows := 0
		if err := r.Run(ctx, func(c *vector.Chunk) error {
			rows += c.Rows()
			return nil
		}); err != nil || rows != 1 {
			b.Fatal(rows, err)
		}
		r.Close()
	}
}
