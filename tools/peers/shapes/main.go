// Prints how encoding/json writes the fields of every built-in kind: which are pointers, which are left out when empty.
// OpenAPI doesn't tell this. Output: {definition: {field: "code type"}}; codes are explained in tools/schemas/build.py.
package main

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"

	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/client-go/kubernetes/scheme"
	apiregistration "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
)

var marshaler = reflect.TypeOf((*json.Marshaler)(nil)).Elem()

func main() {
	for _, add := range []func() error{
		func() error { return apiextensions.AddToScheme(scheme.Scheme) },
		func() error { return apiregistration.AddToScheme(scheme.Scheme) },
	} {
		if err := add(); err != nil {
			panic(err)
		}
	}
	shapes := map[string]map[string]string{}
	for _, t := range scheme.Scheme.AllKnownTypes() {
		walk(t, shapes)
	}
	if err := json.NewEncoder(os.Stdout).Encode(shapes); err != nil {
		panic(err)
	}
}

func definition(t reflect.Type) string {
	path := t.PkgPath()
	host, rest, _ := strings.Cut(path, "/")
	parts := strings.Split(host, ".")
	for i, j := 0, len(parts)-1; i < j; i, j = i+1, j-1 {
		parts[i], parts[j] = parts[j], parts[i]
	}
	return strings.Join(parts, ".") + "." + strings.ReplaceAll(rest, "/", ".") + "." + t.Name()
}

func walk(t reflect.Type, shapes map[string]map[string]string) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		walk(t.Elem(), shapes)
		return
	case reflect.Struct:
	default:
		return
	}
	name := definition(t)
	if _, done := shapes[name]; done || t.PkgPath() == "" {
		return
	}
	fields := map[string]string{}
	shapes[name] = fields
	if t.Implements(marshaler) || reflect.PointerTo(t).Implements(marshaler) {
		delete(shapes, name)
		return
	}
	add(t, fields, shapes)
}

func add(t reflect.Type, fields map[string]string, shapes map[string]map[string]string) {
	for i := 0; i < t.NumField(); i++ {
		f := t.Field(i)
		tag, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if tag == "-" || !f.IsExported() {
			continue
		}
		if f.Anonymous && tag == "" {
			inner := f.Type
			if inner.Kind() == reflect.Pointer {
				inner = inner.Elem()
			}
			add(inner, fields, shapes)
			continue
		}
		if tag == "" {
			tag = f.Name
		}
		fields[tag] = code(f.Type, options) + " " + f.Type.String()
		walk(f.Type, shapes)
	}
}

func code(t reflect.Type, options string) string {
	omitempty, omitzero := strings.Contains(options, "omitempty"), strings.Contains(options, "omitzero")
	letter := ""
	switch t.Kind() {
	case reflect.Pointer:
		letter = "p"
	case reflect.Slice, reflect.Map:
		letter = "l"
	case reflect.Struct:
		letter = "t"
		if t.Implements(marshaler) || reflect.PointerTo(t).Implements(marshaler) {
			letter = "m"
		}
		// encoding/json never takes a struct for empty.
		omitempty = false
	case reflect.Interface:
		letter = "i"
	default:
		letter = "s"
	}
	if omitempty || omitzero {
		return letter
	}
	return strings.ToUpper(letter)
}
