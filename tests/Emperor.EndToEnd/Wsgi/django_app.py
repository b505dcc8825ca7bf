"""A Django project in one file."""

import os

from django.conf import settings

settings.configure(
    DEBUG=False,
    SECRET_KEY="test",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=["django.middleware.common.CommonMiddleware", "django.middleware.http.ConditionalGetMiddleware"],
    DATA_UPLOAD_MAX_MEMORY_SIZE=None,
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
)

import django.core.wsgi
from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.template import engines
from django.urls import path
from django.views.decorators.http import condition


def hello(request):
    return HttpResponse("hello", content_type="text/plain")


def stream(request):
    return StreamingHttpResponse(f"{n}\n" for n in range(100))


def form(request):
    return HttpResponse(request.POST["name"])


def upload(request):
    file = request.FILES["file"]
    return HttpResponse(f"{file.name} {sum(len(chunk) for chunk in file.chunks())}")


def body(request):
    return HttpResponse(request.body)


def file(request):
    return FileResponse(open(os.path.join(os.path.dirname(__file__), "apps.py"), "rb"))


@condition(etag_func=lambda request: '"one"')
def etag(request):
    return HttpResponse("etag")


def error(request):
    raise RuntimeError("an error in a view")


def page(request):
    """For the benchmark: a template with a table."""
    template = engines["django"].from_string(PAGE)
    return HttpResponse(template.render({"rows": [{"number": n, "name": f"row <{n}>"} for n in range(30)]}, request))


PAGE = "<html><body><table>{% for row in rows %}<tr><td>{{ row.number }}</td><td>{{ row.name }}</td></tr>{% endfor %}</table></body></html>"

urlpatterns = [path(view.__name__, view) for view in (hello, stream, form, upload, body, file, etag, error, page)]
application = django.core.wsgi.get_wsgi_application()
