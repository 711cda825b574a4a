package catalog

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/freshetdb/freshet/sql/types"
)

// typeNames are the names of types in commands. They are a format: never change one.
var typeNames = map[types.ID]string{
	types.Boolean: "boolean", types.SmallInt: "smallint", types.Int: "int", types.BigInt: "bigint", types.Real: "real",
	types.Double: "double", types.Decimal: "decimal", types.String: "string", types.Bytes: "bytes", types.Timestamp: "timestamp",
	types.Date: "date", types.Time: "time", types.Interval: "interval", types.Array: "array", types.Map: "map", types.Struct: "struct",
}

// maxTypeDepth bounds the nesting of types in commands.
const maxTypeDepth = 32

// wireType is a type as commands hold it.
type wireType struct {
	Name      string      `json:"t"`
	Precision int16       `json:"p,omitempty"`
	Scale     int16       `json:"s,omitempty"`
	Key       *wireType   `json:"key,omitempty"`
	Elem      *wireType   `json:"elem,omitempty"`
	Fields    []wireField `json:"fields,omitempty"`
}

type wireField struct {
	Name string   `json:"name"`
	Type wireType `json:"type"`
}

func toWire(t types.Type) wireType {
	w := wireType{Name: typeNames[t.ID], Precision: t.Precision, Scale: t.Scale}
	if t.Key != nil {
		k := toWire(*t.Key)
		w.Key = &k
	}
	if t.Elem != nil {
		e := toWire(*t.Elem)
		w.Elem = &e
	}
	for _, f := range t.Fields {
		w.Fields = append(w.Fields, wireField{Name: f.Name, Type: toWire(f.Type)})
	}
	return w
}

func fromWire(w wireType, depth int) (types.Type, error) {
	if depth > maxTypeDepth {
		return types.Type{}, errors.New("type is nested too deeply")
	}
	t := types.Type{ID: types.Unknown, Precision: w.Precision, Scale: w.Scale}
	for id, name := range typeNames {
		if name == w.Name {
			t.ID = id
		}
	}
	if t.ID == types.Unknown {
		return t, fmt.Errorf("type %q is not known", w.Name)
	}
	if (t.ID == types.Array || t.ID == types.Map) && w.Elem == nil || t.ID == types.Map && w.Key == nil {
		return t, fmt.Errorf("type %q lacks its parts", w.Name)
	}
	var err error
	if t.Key, err = fromWirePtr(w.Key, depth); err != nil {
		return t, err
	}
	if t.Elem, err = fromWirePtr(w.Elem, depth); err != nil {
		return t, err
	}
	for _, f := range w.Fields {
		ft, err := fromWire(f.Type, depth+1)
		if err != nil {
			return t, err
		}
		t.Fields = append(t.Fields, types.Field{Name: f.Name, Type: ft})
	}
	return t, nil
}

func fromWirePtr(w *wireType, depth int) (*types.Type, error) {
	if w == nil {
		return nil, nil
	}
	t, err := fromWire(*w, depth+1)
	return &t, err
}

// columnJSON is Column without its methods, with the type in its kept form.
type columnJSON struct {
	plainColumn
	TypeText wireType `json:"type"`
}

type plainColumn Column

// MarshalJSON implements json.Marshaler: the type is written by its stable name.
func (c Column) MarshalJSON() ([]byte, error) {
	return json.Marshal(columnJSON{plainColumn(c), toWire(c.Type)})
}

// UnmarshalJSON implements json.Unmarshaler.
func (c *Column) UnmarshalJSON(b []byte) error {
	var j columnJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	t, err := fromWire(j.TypeText, 0)
	if err != nil {
		return err
	}
	*c = Column(j.plainColumn)
	c.Type = t
	return nil
}
